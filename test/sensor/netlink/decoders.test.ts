import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeldSockets, heldLayout } from '../../../src/sensor/netlink/held-socket.js';
import { batchLayout } from '../../../src/sensor/netlink/message-batch.js';
import { decodeProcessEvents } from '../../../src/sensor/netlink/process-event.js';
import { decodeSocketDump } from '../../../src/sensor/netlink/socket-dump.js';
import { loadNetlinkAddon, netlinkAddonBuilt } from '../../../src/sensor/netlink-addon.js';
import { socketFiles } from '../../../src/sensor/socket-table.js';

const little = endianness() === 'LE';
const tcp4 = socketFiles.find(({ name }) => name === 'tcp')!;

/** A batch of the process connector: netlink header, connector header, proc_event. */
function batch(events: readonly { what: number; ns: bigint; data: readonly number[] }[]): ArrayBuffer {
  const size = 16 + 20 + 16 + 24;
  const buffer = new ArrayBuffer(batchLayout.batchBytes + events.length * size);
  const view = new DataView(buffer);
  view.setBigInt64(batchLayout.wallOffset, 1_000_000_000n, little);
  view.setBigInt64(batchLayout.drained, 9_000_000n, little);
  view.setUint32(batchLayout.bytes, buffer.byteLength, little);
  for (const [i, { what, ns, data }] of events.entries()) {
    const at = batchLayout.batchBytes + i * size;
    view.setUint32(at, size, little);
    view.setUint32(at + 36, what, little);
    view.setBigUint64(at + 44, ns, little);
    for (const [j, word] of data.entries()) view.setUint32(at + 52 + 4 * j, word, little);
  }
  return buffer;
}

describe('messages of the process connector', () => {
  it('tell what processes did, and nothing of threads', () => {
    const { events, drained, bad } = decodeProcessEvents(
      batch([
        { what: 1, ns: 2_000n, data: [10, 10, 20, 20] },
        { what: 1, ns: 3_000n, data: [10, 10, 21, 20] },
        { what: 2, ns: 4_000n, data: [20, 20] },
        { what: 4, ns: 5_000n, data: [20, 20, 1000, 1001] },
        { what: 0x40, ns: 6_000n, data: [20, 20, 100, 101] },
        { what: 0x200, ns: 6_500n, data: [20, 20] },
        { what: 0x80000000, ns: 7_000n, data: [21, 20, 0] },
        { what: 0x80000000, ns: 8_000n, data: [20, 20, 256] },
      ]),
    );
    expect(events).toEqual([
      { kind: 'fork', pid: 20, parent: 10, time: 1_000_002 },
      { kind: 'exec', pid: 20, time: 1_000_004 },
      { kind: 'user', pid: 20, real: 1000, effective: 1001, time: 1_000_005 },
      { kind: 'group', pid: 20, real: 100, effective: 101, time: 1_000_006 },
      { kind: 'exit', pid: 20, exitCode: 256, time: 1_000_008 },
    ]);
    expect([drained, bad]).toEqual([1_009_000, 0]);
  });
});

describe('what the kernel says over netlink', () => {
  it('never makes a decoder throw or read beyond it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 0, max: 500 }), (bytes, claimed) => {
        const buffer = bytes.slice().buffer;
        if (bytes.length >= 20) new DataView(buffer).setUint32(batchLayout.bytes, claimed, little);
        expect(decodeProcessEvents(buffer).events.length).toBeLessThanOrEqual(bytes.length / 16);
        expect(decodeSocketDump(buffer, claimed, tcp4, 5).sockets.length).toBeLessThanOrEqual(5);
        expect(decodeHeldSockets(buffer, claimed).length).toBeLessThanOrEqual(bytes.length / heldLayout.heldBytes);
      }),
    );
  });

  it.skipIf(!netlinkAddonBuilt())('lies where the C compiler puts it (skipped without build/netlink.node)', () => {
    expect({ ...batchLayout, ...heldLayout }).toEqual(loadNetlinkAddon().layout);
  });
});
