import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionRecord } from '../../src/conn/connection-record.js';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ConnectionView } from '../../src/conn/connection-view.js';
import { FLAGS, LETTERS, RECORD_BYTES, RECORD_WORDS, SEEN, TUNNELED } from '../../src/conn/record-layout.js';
import { KERNEL_ROOM } from '../../src/conn/table-memory.js';
import { TCP_RESET, TCP_SYN_SENT } from '../../src/conn/tcp-state.js';
import { META_IPV6, Packet } from '../../src/decode/packet.js';
import { connectionLine } from '../../src/outputs/connection-json.js';
import { ConnectionKernel, KERNEL_BYTES, kernelOf } from '../../src/outputs/connection-kernel.js';
import { LineBuffer } from '../../src/outputs/line-buffer.js';
import type { Connection } from '../../src/records/connection.js';
import { withoutWebAssembly } from '../core/without-webassembly.js';
import { type Fields, fields, putFields } from './record-fields.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'lines'], { encoding: 'utf8' });

const LIMIT = 8;
/** The record that is written lies behind others. */
const SLOT = LIMIT - 1;
const BASE = SLOT * RECORD_WORDS;

function tableOf(): ConnectionTable {
  const table = new ConnectionTable({ k0: 1, k1: 2 }, LIMIT);
  for (let i = 0; i < LIMIT; i++) table.insert(new Packet(), false);
  return table;
}

const table = tableOf();
const kernel = ConnectionKernel.over(table.memory!)!;

const line = (connection: Connection) =>
  connectionLine({
    connection,
    capture: 'lo',
    cause: 'end',
    rev: 0,
    orig: { state: 'pending' },
    resp: { state: 'pending' },
  });

/** What the kernel writes by itself; undefined where it leaves the record to others. */
function kernelLine(view: ConnectionView): string | undefined {
  const buffer = new LineBuffer();
  return kernel.write(buffer, view) ? buffer.toString() : undefined;
}

/** The record with these fields, at SLOT. */
function viewOf(each: Fields): ConnectionView {
  putFields(table, SLOT, each);
  return new ConnectionView(table).at(BASE, each.words[0]! ^ each.meta);
}

describe('the kernel for lines', () => {
  it('is what lines of records are written by', () => {
    expect([built.status, built.stderr]).toEqual([0, '']);
    expect(kernelOf(table.memory)).toBeInstanceOf(ConnectionKernel);
    expect(kernelOf(undefined)).toBeUndefined();
  });

  it('writes of a record what is written of its object', () => {
    fc.assert(
      fc.property(fields, (each) => {
        const view = viewOf(each);
        const ofKernel = kernelLine(view);
        // Later than numbers of JavaScript tell.
        if (each.start + each.duration > Number.MAX_SAFE_INTEGER) return;
        expect(ofKernel).toBeDefined();
        expect(line(connectionRecord(view)).startsWith(`${ofKernel},"cause":`)).toBe(true);
        expect(line(view as Connection)).toBe(line(connectionRecord(view)));
        expect(ofKernel!.length).toBeLessThanOrEqual(KERNEL_BYTES);
      }),
      { numRuns: 5000 },
    );
  });

  it('counts bytes before a RST that nothing answered by what the peer had acknowledged, for each end', () => {
    const usual = fc.sample(
      fields.filter(({ start, duration }) => duration > 0 && start + duration < 2 ** 50),
      1,
    )[0]!;
    for (const flags of [TCP_RESET | (TCP_SYN_SENT << 6), (TCP_RESET << 3) | (TCP_SYN_SENT << 9)]) {
      for (const acked of [0, 1, 2]) {
        const view = viewOf({ ...usual, meta: 6, flags, sizes: [101, 201, acked, acked, 1, 1] });
        expect(kernelLine(view)).toContain(`"orig_bytes":${view.orig_bytes},"resp_bytes":${view.resp_bytes},`);
      }
    }
  });

  it('writes whatever bytes a record has, or leaves it to its object', () => {
    const bytes = fc.uint8Array({ minLength: RECORD_BYTES, maxLength: RECORD_BYTES });
    fc.assert(
      fc.property(bytes, fc.double(), fc.nat(13), (data, missed, letters) => {
        table.u8.set(data, SLOT * RECORD_BYTES);
        table.i32[BASE + FLAGS]! &= ~TUNNELED;
        table.i32[BASE + SEEN] = letters << 16;
        table.u8.fill(65, SLOT * RECORD_BYTES + LETTERS, SLOT * RECORD_BYTES + LETTERS + 12);
        table.missedBytes.set(SLOT, missed);
        const view = new ConnectionView(table).at(BASE, 7);
        expect(line(view as Connection)).toBe(line(connectionRecord(view)));
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves to the object what the record does not say', () => {
    const usual = fc.sample(
      fields.filter(({ start, duration }) => start + duration < 2 ** 50),
      1,
    )[0]!;
    expect(kernelLine(viewOf(usual))).toBeDefined();
    const long = viewOf(usual);
    table.i32[BASE + SEEN] = 13 << 16;
    expect(kernelLine(long)).toBeUndefined();
    expect(kernelLine(viewOf({ ...usual, flags: usual.flags | TUNNELED }))).toBeUndefined();
    for (const missed of [-1, 0.5, 2 ** 53, Number.NaN])
      expect(kernelLine(viewOf({ ...usual, missed }))).toBeUndefined();
    const tcp = { ...usual, meta: 6, flags: 0, duration: 1 };
    for (const size of [1.5, 2 ** 53 + 2, Number.NaN])
      expect(kernelLine(viewOf({ ...tcp, sizes: [size, 1, 1, 1, 1, 1] }))).toBeUndefined();
    for (const start of [-1, 0.5, 2 ** 53, Number.NaN]) expect(kernelLine(viewOf({ ...usual, start }))).toBeUndefined();
  });

  it('has the counterpart of each ICMP type, also after lines that need the most room', () => {
    const usual = fc.sample(
      fields.filter(({ start, duration }) => start + duration < 2 ** 50),
      1,
    )[0]!;
    for (let each = 0; each < 256; each++) {
      for (const meta of [1, 58 | META_IPV6]) {
        const view = viewOf({ ...usual, meta, flags: 0, ports: each << 16 });
        expect(line(view as Connection)).toBe(line(connectionRecord(view)));
      }
    }
  });

  it('changes no record, and little of its room', () => {
    const room = new Uint8Array(table.memory!.buffer, 0, KERNEL_ROOM);
    const views = fc.sample(fields, 100).map((each) => {
      const view = viewOf(each);
      const before = table.u8.slice();
      kernelLine(view);
      return Buffer.compare(table.u8.slice(), before);
    });
    expect(views).toEqual(views.map(() => 0));
    expect(room.subarray(KERNEL_ROOM / 2).every((byte) => byte === 0)).toBe(true);
  });

  it('is not needed', () => {
    withoutWebAssembly(() => {
      const refused = tableOf();
      expect(refused.memory).toBeUndefined();
      refused.u8.set(table.u8.subarray(0, LIMIT * RECORD_BYTES));
      refused.missedBytes.set(SLOT, table.missedBytes.get(SLOT) ?? 0);
      const view = (of: ConnectionTable) => new ConnectionView(of).at(BASE, 7) as Connection;
      expect(line(view(refused))).toBe(line(view(table)));
    });
  });
});
