// Faults of translated connections (NAT).

const translation = 'test/join/translation.test.ts';
const stitch = 'src/join/stitch.ts';

export const translationFaults = [
  {
    name: 'translation-of-another-container',
    file: stitch,
    find: 'known = known.filter(({ gateway }) => !isSites(place, gateway, packets));',
    replace: 'known = [...known];',
    tests: [translation],
    ci: true,
  },
  {
    name: 'translations-of-other-inner-endpoints',
    file: stitch,
    find: 'boundsOf(first, translations.of(protocol, first.other)',
    replace: 'boundsOf(first, translations.of(protocol, packets)',
    tests: [translation],
  },
  {
    name: 'inner-address-never-in-doubt',
    file: 'src/join/capture-place.ts',
    find: 'this.#site = gateway?.id ?? view.captureHost;',
    replace: 'this.#site = view.captureHost;',
    tests: [translation],
  },
  {
    name: 'container-of-an-untold-host',
    file: stitch,
    find: 'return until === undefined || view.closed ? unsure(known)',
    replace: 'if (until === undefined || view.closed) continue; return until === undefined ? unsure(known)',
    tests: [translation],
  },
  {
    name: 'translation-of-any-time',
    file: stitch,
    find: 'return openLo <= first + clock.err && closeHi >= first - clock.err;',
    replace: 'return openLo <= first + clock.err || closeHi >= first - clock.err;',
    tests: [translation],
    ci: true,
  },
  {
    name: 'first-translation-taken',
    file: stitch,
    find: '!isSame(one.other, first.other) || one.gateway !== first.gateway',
    replace: 'one.gateway !== first.gateway',
    tests: [translation],
  },
  {
    name: 'translation-of-any-host',
    file: stitch,
    find: '!isSame(one.other, first.other) || one.gateway !== first.gateway',
    replace: '!isSame(one.other, first.other)',
    tests: [translation],
  },
  {
    name: 'translation-outlives-losses',
    file: stitch,
    find: "progress.isLost(['conntrack'], openHi, until) || progress.isUnwatched(openHi, until)",
    replace: 'progress.isUnwatched(openHi, until)',
    tests: [translation],
  },
  {
    name: 'one-gateway-followed',
    file: stitch,
    find: 'const MAX_HOPS = 4;',
    replace: 'const MAX_HOPS = 1;',
    tests: [translation],
  },
  {
    name: 'translation-not-waited-for',
    file: stitch,
    find: 'if (isLate(gateway, calls))',
    replace: 'if (false)',
    tests: [translation],
  },
  {
    name: 'own-connection-of-a-gateway-taken-for-translated',
    file: stitch,
    find: 'if (hasOwnCall(first.gateway, packets))',
    replace: 'if (false)',
    tests: [translation],
  },
  {
    name: 'accepts-of-a-gateway-not-waited-for',
    file: stitch,
    find: '(mayAccept ? Math.max(view.first, view.last) : view.first)',
    replace: 'view.first',
    tests: [translation],
  },
  {
    name: 'forgotten-translation-hidden',
    file: 'src/join/host-knowledge.ts',
    find: 'return Math.max(until, host.translationsGoneUntil) >= this.#from;',
    replace: 'return until >= this.#from;',
    tests: [translation],
  },
  {
    name: 'lost-translation-means-nobody',
    file: 'src/join/host-knowledge.ts',
    find: 'isLost(ownerTables, this.#from, this.lastLatest)',
    replace: "isLost(ownerTables.filter((table) => table !== 'conntrack'), this.#from, this.lastLatest)",
    tests: [translation],
  },
];
