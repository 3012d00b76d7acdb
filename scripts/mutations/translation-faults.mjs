// Faults of translated connections (NAT).

const translation = 'test/join/translation.test.ts';
const stitch = 'src/join/stitch.ts';

export const translationFaults = [
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
    find: 'if (known.some(({ other }) => !isSame(other, first.other))) return unsure(first);',
    replace: '',
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
    find: 'if (late !== undefined) {',
    replace: 'if (late === null) {',
    tests: [translation],
  },
  {
    name: 'forgotten-translation-hidden',
    file: 'src/join/host-knowledge.ts',
    find: 'return Math.max(until, host.translationsGoneUntil) >= this.#from;',
    replace: 'return until >= this.#from;',
    tests: [translation],
  },
];
