// A fuzz target that lays its input over a record of the connection table: the line that WebAssembly writes of it is that of its object.
const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);

/** Where a record has the number of its letters and the letters, in bytes; see src/conn/record-layout.ts. */
const LETTER_COUNT = 22;
/** And the number of its capture, in halves. */
const CAPTURE = 106;
const LETTERS = 144;
const MOST_LETTERS = 12;
const RECORD_BYTES = 256;

async function recordLines() {
  const { CaptureNames } = await load('conn/capture-names');
  const { ConnectionTable } = await load('conn/connection-table');
  const { ConnectionView } = await load('conn/connection-view');
  const { EndedRecords } = await load('conn/ended-records');
  const { connectionRecord } = await load('conn/connection-record');
  const { connectionLine } = await load('outputs/connection-json');
  const { Coverage } = await load('outputs/coverage');
  const { RecordLines } = await load('outputs/record-lines');
  const { Unwatched, unwatchedEnds } = await load('join/unwatched');
  const { Packet } = await load('decode/packet');
  const table = new ConnectionTable({ k0: 1, k1: 2 }, 4);
  table.insert(new Packet(), false);
  const captures = new CaptureNames();
  captures.use([{ name: 'a' }]);
  const ended = new EndedRecords(table, new ConnectionView(table), captures, table.places(2), () => {});
  /** The sink's part: it takes lines in its place or has them copied. */
  let atOnce = '';
  let text;
  const sink = {
    lend: ([chunk]) => (text = chunk),
    place: () => (atOnce === '' ? text : undefined),
    put: (bytes) => (atOnce += Buffer.from(text.slice(0, bytes)).toString()),
    lines: (copied) => (atOnce += Buffer.from(copied).toString()),
  };
  const lines = RecordLines.over(ended, unwatchedEnds, sink);
  const end = { state: 'pending' };
  const line = (connection) => connectionLine({ connection, capture: 'a', cause: 'end', rev: 0, orig: end, resp: end });
  const record = (proto, version, flags) => {
    const bytes = Buffer.alloc(RECORD_BYTES);
    bytes.writeUInt32LE(0x0a000001, 0);
    bytes.writeUInt32LE(0xc0a80002, 4);
    bytes.writeUInt32LE(40_000 * 65_536 + 443, 8);
    bytes.writeUInt32LE(proto | (version === 6 ? 256 : 0), 12);
    bytes.writeUInt32LE(flags, 16);
    bytes.writeUInt16LE(4, LETTER_COUNT);
    bytes.write('ShAd', LETTERS);
    for (const at of [64, 72, 80, 88, 96, 104]) bytes.writeDoubleLE(1000 + at, at);
    bytes.writeDoubleLE(1.7e15, 128);
    bytes.writeDoubleLE(1.7e15 + 1_500_000, 24);
    return bytes;
  };
  /** What is written of several records at once is what is written of each object, as far as nobody is left to others. */
  const sameAtOnce = () => {
    // It goes with a count in the record, by which the record is left to others.
    table.missedBytes.delete(0);
    table.u16[CAPTURE] = 0;
    ended.count = 0;
    for (let i = 0; i < 2; i++) ended.add(0);
    atOnce = '';
    if (!ended.takes(0) || lines.write(ended, 0, 2, sink, new Coverage()) === 0) return;
    let object = '';
    const unwatched = new Unwatched((attributed) => (object += `${connectionLine(attributed)}\n`), true);
    for (let i = 0; i < 2; i++) {
      const update = ended.update(i);
      unwatched.connection({ ...update, connection: connectionRecord(update.connection) });
    }
    if (atOnce !== object) throw new Error(`${atOnce}\n${object}`);
  };
  return {
    name: 'lines of records',
    seeds: [record(6, 4, 0o44), record(6, 6, 0o15), record(17, 4, 3 << 26), record(1, 4, 0), record(132, 6, 0)],
    run(bytes, random) {
      table.u8.fill(0, 0, RECORD_BYTES);
      table.u8.set(bytes.subarray(0, RECORD_BYTES));
      // What is no letter is never there, and what is said outside of the record is left out.
      for (let i = 0; i < MOST_LETTERS; i++) table.u8[LETTERS + i] &= 127;
      table.u8[LETTER_COUNT] %= MOST_LETTERS + 2;
      table.u8[LETTER_COUNT + 1] = 0;
      table.missedBytes.set(0, random(3) === 0 ? random(2 ** 31) : 0);
      const view = new ConnectionView(table).at(0, random(2 ** 31));
      const [ofRecord, ofObject] = [line(view), line(connectionRecord(view))];
      if (ofRecord !== ofObject) throw new Error(`${ofRecord}\n${ofObject}`);
      sameAtOnce();
    },
  };
}

export const lineTargets = [recordLines];
