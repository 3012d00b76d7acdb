import fc from 'fast-check';
import { LOOKED_INTO } from '../../src/decode/plain-udp.js';
import { ethernet, ip, tcpSegment, udpDatagram } from '../conn/traffic.js';

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

const address6 = fc
  .tuple(
    fc.constantFrom('2001:db8:0:0', 'fe80:0:0:7'),
    fc.constantFrom('0:0:0', '1:2:3'),
    fc.constantFrom('1', '2', 'ffff'),
  )
  .map((parts) => parts.join(':'));

const prefix = fc.constantFrom([0x20, 1, 0, 0], [0x20, 1, 0, 1]);
/** A payload that looks like a tunnel's on any port, or nearly. */
export const tunnelPayload: fc.Arbitrary<Uint8Array> = fc
  .record({
    first: fc.constantFrom(0, 0, 0x60, 0x6f, 0x44, 0x50),
    second: fc.constantFrom(0, 1, 0x52, 0x52),
    third: fc.constantFrom(0, 0x11),
    prefixes: fc.tuple(prefix, prefix),
    length: fc.oneof(fc.nat(90), fc.constantFrom(2, 3, 39, 40)),
  })
  .map(({ first, second, third, prefixes, length }) => {
    const bytes = new Uint8Array(100);
    bytes.set([first, second, third]);
    bytes.set(prefixes[0], 8);
    bytes.set(prefixes[1], 24);
    // IPv6 behind an origin indication.
    if (first === 0 && third === 0) bytes[8] = 0x60;
    return bytes.subarray(0, length);
  });

/** A datagram of UDP, also without a checksum, or a segment, over either IP. */
export const anyFrame = fc
  .record({
    segment,
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.uint8Array({ minLength: 60, maxLength: 150 }),
      tunnelPayload,
    ),
    ports: fc.tuple(port, fc.constantFrom(...LOOKED_INTO, 22, 443, 500, 3478, 5000, 6000, 50_000)),
    isUdp: fc.boolean(),
    isSummed: fc.constantFrom(true, true, false),
    ends: fc.oneof(fc.tuple(address, address), fc.tuple(address6, address6)),
    padding: fc.constantFrom(0, 0, 0, 6),
    changes: fc.array(fc.tuple(fc.nat(85), fc.nat(255)), { maxLength: 2 }),
    isChanged: fc.constantFrom(false, false, true),
    cut: fc.constantFrom(0, 0, 0, 0, 1, 30),
    lost: fc.constantFrom(0, 0, 0, 9),
  })
  .map(({ segment: tcp, payload, ports, isUdp, isSummed, ends, padding, changes, isChanged, cut, lost }) => {
    const [src, dst] = ends;
    const whole = ethernet(
      isUdp
        ? ip({ src, dst, proto: 17, payload: udpDatagram(...ports, payload) })
        : ip({ src, dst, proto: 6, payload: tcp }),
    );
    const bytes = new Uint8Array([...whole, ...new Uint8Array(padding)]);
    if (isUdp && !isSummed) bytes.fill(0, whole.length - payload.length - 2, whole.length - payload.length);
    if (isChanged) for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { bytes: bytes.subarray(0, bytes.length - cut), wire: bytes.length + lost };
  });

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
