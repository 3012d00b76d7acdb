import fc from 'fast-check';
import { ethernet, ip, tcpSegment } from '../conn/traffic.js';

export const MAC_BYTES = 14;

const address = fc
  .tuple(fc.constantFrom(10, 192, 255), fc.nat(3), fc.nat(1), fc.constantFrom(1, 2, 255))
  .map((bytes) => bytes.join('.'));
const port = fc.constantFrom(0, 22, 443, 40_000, 65_535);
const word = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.nat(0xffffffff));

/** Options behind the header, of 4 bytes each: none, a window scale that is right or too large, padding. */
const options = fc.array(fc.constantFrom([3, 3, 7, 0], [3, 3, 15, 0], [1, 1, 1, 1], [0, 0, 0, 0], [3, 0, 9, 9]), {
  maxLength: 3,
});

const segment = fc
  .record({
    sport: port,
    dport: port,
    seq: word,
    ack: word,
    flags: fc.constantFrom('A', 'A', 'PA', 'S', 'SA', 'FA', 'R', 'RA', ''),
    window: fc.constantFrom(0, 1, 65_535),
    payload: fc.oneof(fc.string({ maxLength: 40 }), fc.string({ minLength: 90, maxLength: 200 })),
  })
  .chain(({ payload, ...header }) =>
    options.map((words) => {
      const bytes = [...tcpSegment(header), ...words.flat(), ...Buffer.from(payload)];
      bytes[12] = (5 + words.length) << 4;
      return new Uint8Array(bytes);
    }),
  );

/** A frame of TCP, mostly right, with a few bytes changed, behind it some padding, cut or not. */
export const tcpFrame = fc
  .record({
    segment,
    src: address,
    dst: address,
    padding: fc.constantFrom(0, 0, 0, 6),
    changes: fc.array(fc.tuple(fc.nat(59), fc.nat(255)), { maxLength: 2 }),
    isChanged: fc.boolean(),
    cut: fc.constantFrom(0, 0, 0, 1, 7, 30),
    lost: fc.constantFrom(0, 0, 0, 9),
  })
  .map(({ segment: payload, src, dst, padding, changes, isChanged, cut, lost }) => {
    const whole = ethernet(ip({ src, dst, proto: 6, payload }));
    const bytes = new Uint8Array([...whole, ...new Uint8Array(padding)]);
    // What the frame carries stays IPv4: behind another type nothing is alike.
    if (isChanged) for (const [at, value] of changes) if (at !== 12 && at !== 13) bytes[at] = value;
    return { bytes: bytes.subarray(0, Math.max(MAC_BYTES, bytes.length - cut)), wire: bytes.length + lost };
  });
