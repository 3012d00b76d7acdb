/** Seeded random numbers (mulberry32), so that a failing input can be made again. */
export function randomSource(seed) {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];

/** A changed copy of `seed`: some bytes flipped or set to extremes, a piece cut, doubled, or taken from `other`. */
export function mutate(seed, other, random) {
  let bytes = Buffer.from(seed);
  for (let changes = 1 + random(8); changes > 0 && bytes.length > 0; changes--) {
    const at = random(bytes.length);
    const length = Math.min(1 + random(64), bytes.length - at);
    switch (random(7)) {
      case 0:
        bytes[at] ^= 1 << random(8);
        break;
      case 1:
        bytes[at] = EXTREMES[random(EXTREMES.length)];
        break;
      case 2:
        bytes.fill(EXTREMES[random(EXTREMES.length)], at, at + Math.min(4, length));
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default: {
        const from = random(Math.max(1, other.length));
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at)]);
      }
    }
  }
  return bytes;
}
