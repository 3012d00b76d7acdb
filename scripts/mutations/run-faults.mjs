// What a later run of a host's watcher tells of the one before.
const later = 'test/join/later-run.test.ts';
const state = 'test/hosts/state/host-state.test.ts';
const times = 'src/hosts/state/watch-times.ts';
const progress = 'src/hosts/state/stream-progress.ts';
const held = 'src/hosts/state/held-socket.ts';
const sweep = 'src/hosts/state/port-sweep.ts';

export const runFaults = [
  {
    name: 'sockets-not-gone-after-a-later-run',
    file: held,
    find: 'const goneBy = close?.hi ?? (removed === undefined ? closings.goneBy(seen) : Infinity);',
    replace: 'const goneBy = close?.hi ?? Infinity;',
    tests: [later],
  },
  {
    name: 'called-sockets-not-gone-after-a-later-run',
    file: held,
    find: 'Math.min(closings.overBy(call), closings.goneBy(call))',
    replace: 'closings.overBy(call)',
    tests: [later],
  },
  {
    name: 'sockets-not-told-again',
    file: held,
    find: 'else if (closings.isToldAnew(again ?? added, fact)) again = fact;',
    replace: '',
    tests: [later],
  },
  {
    name: 'told-anew-told-since-ever',
    file: 'src/hosts/state/host-closings.ts',
    find: 'if (this.#progress.watch.isOneRun) return -Infinity;',
    replace: 'return -Infinity;',
    tests: [later],
  },
  {
    name: 'numbers-one-over-boots',
    file: held,
    find: 'if (added !== undefined && closings.bootOver(added) <= fact.hi) {',
    replace: 'if (added === undefined) {',
    tests: [later],
  },
  {
    name: 'gone-before-the-look-is-told',
    file: progress,
    find: 'if (look === undefined || this.toldUntil(name) < look.time) return booted;',
    replace: 'if (run === undefined) return booted;\n    if (look === undefined) return run.from;',
    tests: [later],
  },
  {
    name: 'gone-though-rows-of-the-look-are-lost',
    file: progress,
    find: 'return this.#isLostOf(name, run!.from, look.end) ? booted : Math.min(booted, look.end);',
    replace: 'return Math.min(booted, look.end);',
    tests: [later],
  },
  {
    name: 'untold-boots-passed-over',
    file: times,
    find: 'return Math.min(this.#timeouts.find((at) => at >= from) ?? Infinity, this.#bootedFrom(from));',
    replace: 'return this.#timeouts.find((at) => at >= from) ?? Infinity;',
    tests: [later],
  },
  {
    name: 'processes-of-all-runs',
    file: 'src/hosts/state/host-processes.ts',
    find: 'const told = history.within(span).at(from, to, path);',
    replace: 'const told = history.at(from, to, path);',
    tests: [later],
  },
  {
    name: 'addresses-kept-through-later-runs',
    file: 'src/hosts/state/address-history.ts',
    find: 'const goneBy = this.#progress.goneBy(last.stream, last.time);',
    replace: 'const goneBy = Infinity;',
    tests: [later],
  },
  {
    name: 'translations-kept-through-later-runs',
    file: 'src/hosts/state/translations.ts',
    find: 'progress.goneBy(began.stream, began.lo, began.boot)',
    replace: 'Infinity',
    tests: [later],
  },
  {
    name: 'translations-told-again-the-same',
    file: 'src/hosts/state/translations.ts',
    find: 'return watch.isLaterRun(began.lo, shownAt) ? shownAt : Infinity;',
    replace: 'return Infinity;',
    tests: [later],
  },
  {
    name: 'lines-with-the-latest-boot',
    file: 'src/hosts/state/host-state.ts',
    find: 'const of = boot ?? this.progress.watch.bootAt(moment);',
    replace: 'const of = this.progress.watch.bootAt(Infinity);',
    tests: [later],
  },
  {
    name: 'packet-sockets-kept-through-later-runs',
    file: 'src/hosts/state/packet-sockets.ts',
    find: 'if (last !== undefined && closed <= last.time) closed = this.#goneBy(last);',
    replace: 'if (last !== undefined && closed <= last.time) closed = Infinity;',
    tests: [state],
  },
  {
    name: 'processes-of-earlier-runs-kept',
    file: 'src/hosts/state/host-processes.ts',
    find: 'processes.prune(this.#host, horizon, this.#progress.processesToldAnew(horizon));',
    replace: 'processes.prune(this.#host, horizon);',
    tests: [state],
  },
  {
    name: 'sockets-of-earlier-runs-kept',
    file: sweep,
    find: 'if (!same.some(({ lo, hi }) => lo > record.lo && hi < bootedAt)) return true;',
    replace: '',
    tests: [state],
  },
  {
    name: 'first-of-told-again-let-go',
    file: sweep,
    find: 'const isEarlier = (other: SocketRecord): boolean => other.lo < record.lo && closings.bootOver(other) > record.hi;',
    replace: 'const isEarlier = (other: SocketRecord): boolean => other.lo !== record.lo;',
    tests: [state],
  },
  {
    name: 'events-taken-for-polls-before-a-gap',
    file: progress,
    find: 'if (isCalled && !this.areEventsLost(look.time, silentAt)) return silentAt;',
    replace: '',
    tests: [later],
  },
  {
    name: 'further-holders-told-by-calls',
    file: held,
    find: 'inode !== 0 && !all.some((other) => other.inode === inode && other.lo < lo)',
    replace: 'inode !== 0 && lo > 0',
    tests: [later],
  },
  {
    name: 'look-of-a-run-before-that',
    file: progress,
    find: 'if (look === undefined || this.watch.spanOf(look.time).after !== after) return -Infinity;',
    replace: 'if (look === undefined) return -Infinity;',
    tests: ['test/hosts/state/stream-progress.test.ts'],
  },
];
