// Fuzz targets of what the kernel says over netlink: connections that it tracks, what processes do, sockets. Ports, addresses and names in it
// are of whoever runs programs here.
import { endianness } from 'node:os';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);

/** Numbers in the machine's byte order; the kernel writes them so, but for ports and addresses. */
const isLittle = endianness() === 'LE';
function numbers(bytes, ...values) {
  const buffer = Buffer.alloc(bytes * values.length);
  for (const [i, value] of values.entries()) {
    if (isLittle) buffer.writeUIntLE(value, i * bytes, bytes);
    else buffer.writeUIntBE(value, i * bytes, bytes);
  }
  return buffer;
}

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function message(type, flags, body) {
  return padded(Buffer.concat([numbers(4, 16 + body.length), numbers(2, type, flags), numbers(4, 7, 0), body]));
}

function batch(layout, ...messages) {
  const bytes = Buffer.concat([Buffer.alloc(layout.batchBytes), ...messages]);
  numbers(4, bytes.length).copy(bytes, layout.bytes);
  return bytes;
}

/** The input at the start of memory of its own that may be somewhat longer, as the addon's buffers are. */
function memoryOf(bytes, random) {
  const buffer = new ArrayBuffer(bytes.length + random(64));
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

const NESTED = 0x8000;
const attribute = (type, ...values) => {
  const value = Buffer.concat(values);
  return padded(Buffer.concat([numbers(2, 4 + value.length, type), value]));
};

function way(type, [first, second], addresses, [from, to]) {
  const ip = attribute(
    1 | NESTED,
    ...[first, second].map((each, i) => attribute(each, Buffer.from(addresses[i], 'hex'))),
  );
  const port = (each, value) => attribute(each, Buffer.from([value >> 8, value & 0xff]));
  return attribute(
    type | NESTED,
    ip,
    attribute(2 | NESTED, attribute(1, Buffer.from([6])), port(2, from), port(3, to)),
  );
}

async function trackedConnections() {
  const { batchLayout } = await load('sensor/netlink/message-batch');
  const { decodeConntrack } = await load('sensor/netlink/conntrack-event');
  const head = (family) => Buffer.from([family, 0, 0, 0]);
  const inside = '20010db8000000000000000000000005';
  const outside = '20010db8000000010000000000000001';
  const bodies = [
    [
      head(2),
      way(1, [1, 2], ['0a000005', 'cb007101'], [40_000, 443]),
      way(2, [1, 2], ['cb007101', 'c6336401'], [443, 61_000]),
    ],
    [head(10), way(1, [3, 4], [inside, outside], [40_000, 53]), way(2, [3, 4], [outside, outside], [53, 40_001])],
  ].map((parts) => Buffer.concat([...parts, attribute(3, numbers(4, 14)), attribute(12, numbers(4, 1))]));
  const [four, six] = bodies;
  return {
    name: 'tracked connections',
    seeds: [
      batch(batchLayout, message(0x100, 0x600, four), message(0x102, 0, four)),
      batch(batchLayout, message(0x100, 2, six), message(0x102, 0, six), message(3, 2, numbers(4, 0))),
    ],
    run(bytes, random) {
      const { events } = decodeConntrack(memoryOf(bytes, random));
      for (const { columns } of events) {
        for (const value of Object.values(columns)) if (value === undefined) throw new Error('a column has no value');
      }
      return Math.max(1, events.length);
    },
  };
}

async function processEvents() {
  const { batchLayout } = await load('sensor/netlink/message-batch');
  const { decodeProcessEvents } = await load('sensor/netlink/process-event');
  const event = (what, ...words) =>
    message(3, 0, Buffer.concat([numbers(4, 1, 1, 0, 0, 40, what, 0, 5, 0), numbers(4, ...words)]));
  return {
    name: 'process events',
    seeds: [
      batch(batchLayout, event(1, 10, 10, 20, 20), event(2, 20, 20), event(4, 20, 20, 1000, 1001)),
      batch(batchLayout, event(0x40, 20, 20, 100, 101), event(0x80000000, 20, 20, 256, 17), event(0x200, 20, 20)),
    ],
    run(bytes, random) {
      return Math.max(1, decodeProcessEvents(memoryOf(bytes, random)).events.length);
    },
  };
}

async function kernelSockets() {
  const { decodeSocketDump } = await load('sensor/netlink/socket-dump');
  const { decodeHeldSockets, heldLayout } = await load('sensor/netlink/held-socket');
  const { socketFiles } = await load('sensor/socket-table');
  const socket = (family, state) => {
    const body = Buffer.alloc(72, 1);
    body[0] = family;
    body[1] = state;
    return message(20, 2, body);
  };
  return {
    name: 'sockets of the kernel',
    seeds: [
      Buffer.concat([socket(2, 1), socket(10, 10), message(3, 2, numbers(4, 0))]),
      Buffer.alloc(3 * heldLayout.heldBytes, 2),
    ],
    run(bytes, random) {
      const buffer = memoryOf(bytes, random);
      const room = random(4);
      for (const file of socketFiles) {
        if (decodeSocketDump(buffer, bytes.length, file, room).sockets.length > room)
          throw new Error('more than there is room for');
      }
      decodeHeldSockets(buffer, random(1 + bytes.length));
    },
  };
}

export const netlinkTargets = [trackedConnections, processEvents, kernelSockets];
