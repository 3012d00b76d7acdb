// Faults of who owns what several processes hold, and what has no ports.

const attribution = 'test/join/attribution.test.ts';
const portless = 'test/join/portless.test.ts';

export const ownerFaults = [
  {
    name: 'pool-parent-named',
    file: 'src/join/owner-choice.ts',
    find: 'return ambiguous(rivals, isOneSocket ? ties.pool : ties.sameRank);',
    replace: 'return isOneSocket ? owner(best[0]!, rivals) : ambiguous(rivals, ties.sameRank);',
    tests: [attribution],
    ci: true,
  },
  {
    name: 'earlier-taker-kept',
    file: 'src/join/owner-choice.ts',
    find: '(since.length === 0 || openHi >= first)',
    replace: 'true',
    tests: ['test/join/datagram-takers.test.ts'],
  },
  {
    name: 'sole-call-unsure',
    file: 'src/join/sole-call.ts',
    find: "match.weight === 'certain'",
    replace: "match.weight !== 'possible'",
    tests: ['test/join/sole-call.test.ts'],
  },
  {
    name: 'sole-call-with-others',
    file: 'src/join/sole-call.ts',
    find: 'if (rows.word(handle, LINK) !== 0) return undefined;',
    replace: '',
    tests: ['test/join/sole-call.test.ts'],
  },
  {
    name: 'caller-never-stale',
    file: 'src/join/caller.ts',
    find: 'if (!known.knowledge.some(({ isStale }) => isStale)) return known;',
    replace: 'return known;',
    tests: ['test/join/caller.test.ts'],
  },
  {
    name: 'written-of-another',
    file: 'src/outputs/written-once.ts',
    find: 'this.#texts.set(value, text);',
    replace: 'for (const known of [value, ...this.#texts.keys()]) this.#texts.set(known, text);',
    tests: ['test/outputs/written-once.test.ts'],
  },
  {
    name: 'kernel-unnamed',
    file: 'src/join/evaluation.ts',
    find: "if (isKernels(view.connection, role)) return unattributed('kernel', host);",
    replace: '',
    tests: [portless],
  },
  {
    name: 'raw-receiver-sure',
    file: 'src/join/match.ts',
    find: 'if (!hasPorts(query.protocol)) return possible;',
    replace: '',
    tests: [portless],
  },
  {
    name: 'removal-of-one-stream',
    file: 'src/hosts/state/held-socket.ts',
    find: 'removals.find(isEndOf(added))',
    replace: 'undefined',
    tests: [attribution],
  },
  {
    name: 'change-of-user-ignored',
    file: 'src/hosts/state/process-history.ts',
    find: 'fact.hi >= image.lo) uid = fact.uid;',
    replace: 'fact.hi >= image.lo + 1e15) uid = fact.uid;',
    tests: ['test/hosts/state/process-history.test.ts'],
  },
  {
    name: 'user-of-the-start-kept',
    file: 'src/sensor/process-watch.ts',
    find: 'known.process = this.withUser(known.process);',
    replace: '',
    tests: ['test/sensor/poll-sensor.test.ts'],
  },
  {
    name: 'packet-socket-never-closed',
    file: 'src/hosts/state/packet-sockets.ts',
    find: 'closed: closed > added ? closed : Infinity',
    replace: 'closed: Infinity',
    tests: [portless],
  },
  {
    name: 'port-zero-unknown',
    file: 'src/hosts/state/socket-record.ts',
    find: 'return port !== 0 || this.#hasBit(REMOTE_PORT_0) ? port : undefined;',
    replace: 'return port !== 0 ? port : undefined;',
    tests: [portless],
  },
  {
    name: 'broadcast-unknown',
    file: 'src/hosts/state/host-state.ts',
    find: 'broadcast.isBroadcast = true;',
    replace: '',
    tests: [attribution],
  },
];
