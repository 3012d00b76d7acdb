// What is fuzzed: each target has seeds and runs one input. An exception that is not a CorrelateError is a find.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { followTargets } from './follow-targets.mjs';
import { frameTargets } from './frame-targets.mjs';
import { lineTargets } from './line-targets.mjs';
import { netlinkTargets } from './netlink-targets.mjs';
import { tableTargets } from './table-targets.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const sample = (file) => readFileSync(join(root, 'samples', file));
const silent = () => {};

/** Packets of a classic little-endian µs pcap. */
function packetsOf(capture) {
  const packets = [];
  for (let at = 24; at + 16 <= capture.length; ) {
    const length = capture.readUInt32LE(at + 8);
    packets.push(capture.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return packets;
}

async function captureFile(scratch) {
  const { openCaptureFile } = await load('capture/capture-file');
  const capture = sample('desktop/traffic.pcap').subarray(0, 8192);
  const path = join(scratch, 'capture');
  return {
    name: 'capture files',
    seeds: [capture, pcapng(packetsOf(capture).slice(0, 8))],
    async run(bytes) {
      writeFileSync(path, bytes);
      const source = await openCaptureFile(path, { warn: silent, readBytes: 4096 });
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) source.release(batch);
      await source.close();
    },
  };
}

/** The packets as a pcapng with one interface. */
function pcapng(packets) {
  const block = (type, body) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32LE(type, 0);
    frame.writeUInt32LE(padded.length + 12, 4);
    return Buffer.concat([frame, padded, frame.subarray(4)]);
  };
  const section = Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex');
  const enhanced = (packet) => {
    const head = Buffer.alloc(20);
    head.writeUInt32LE(packet.length, 12);
    head.writeUInt32LE(packet.length, 16);
    return block(6, Buffer.concat([head, packet]));
  };
  return Buffer.concat([
    block(0x0a0d0d0a, section),
    block(1, Buffer.from('0100000000000400', 'hex')),
    ...packets.map(enhanced),
  ]);
}

const LINK_TYPES = [1, 1, 1, 0, 9, 12, 50, 101, 105, 108, 113, 127, 228, 229, 239, 258, 276, 9999];

async function connections() {
  const { ConnectionTracker } = await load('conn/connection-tracker');
  const { PacketBatch, BYTES_OFFSET } = await load('capture/packet-batch');
  const batch = new PacketBatch();
  let tracker;
  let runs = 0;
  let time = 1_700_000_000_000_000;
  return {
    name: 'packets to connections',
    seeds: packetsOf(sample('desktop/traffic.pcap')).concat(packetsOf(sample('intrusion/traffic.pcap')).slice(0, 200)),
    run(bytes, random) {
      // A tracker lives for many inputs, so that they meet each other's connections.
      if (runs++ % 5000 === 0) {
        tracker?.end();
        tracker = new ConnectionTracker({
          checksums: random(4) === 0 ? 'verify' : 'ignore',
          startRecords: true,
          interimUs: 1e6,
          onWeird: silent,
          emit: silent,
        });
      }
      const length = Math.min(bytes.length, 65536);
      batch.bytes.set(bytes.subarray(0, length), BYTES_OFFSET);
      time += random(2_000_000);
      batch.count = 1;
      batch.timeUs[0] = time;
      batch.capLen[0] = length;
      batch.wireLen[0] = random(8) === 0 ? length + random(2000) : length;
      batch.offset[0] = BYTES_OFFSET;
      batch.link[0] = LINK_TYPES[random(LINK_TYPES.length)];
      tracker.batch(batch, [{ name: 'fuzz' }]);
    },
  };
}

async function hostLog(scratch) {
  const { readHostLogs } = await load('hosts/sources/host-log');
  const path = join(scratch, 'host.log');
  const lines = sample('desktop/host.log').toString().split('\n');
  const seeds = [];
  for (let i = 0; i < lines.length; i += 12) seeds.push(Buffer.from(lines.slice(i, i + 12).join('\n')));
  const few = lines.slice(0, 6).map((line) => JSON.parse(line));
  seeds.push(Buffer.from(JSON.stringify(few, null, 2)));
  seeds.push(Buffer.from(few.map((line) => JSON.stringify({ osquery: { result: line } }, null, 1)).join('\n')));
  return {
    name: 'host logs',
    seeds,
    async run(bytes) {
      writeFileSync(path, bytes);
      for await (const _rows of readHostLogs([path], { warn: silent }));
    },
  };
}

async function joined(scratch) {
  const { readHostLogs } = await load('hosts/sources/host-log');
  const { Join } = await load('join/attribution');
  const { RuleEngine } = await load('rules/rule-engine');
  const { loadRules } = await load('rules/rule-set');
  const rules = await loadRules([join(root, 'rules')]);
  const path = join(scratch, 'joined.log');
  const lines = sample('intrusion/host.log').toString().split('\n');
  const connection = {
    uid: 'C1',
    ts: 1_700_000_000_000_000,
    'id.orig_h': '192.0.2.10',
    'id.orig_p': 40000,
    'id.resp_h': '198.51.100.9',
    'id.resp_p': 80,
    proto: 'tcp',
    conn_state: 'SF',
    missed_bytes: 0,
    orig_pkts: 1,
    resp_pkts: 1,
    orig_ip_bytes: 40,
    resp_ip_bytes: 40,
    ip_proto: 6,
  };
  return {
    name: 'host rows through join and rules',
    seeds: [Buffer.from(lines.slice(0, 40).join('\n')), Buffer.from(lines.slice(-40).join('\n'))],
    async run(bytes) {
      writeFileSync(path, bytes);
      const engine = new RuleEngine(rules, { emit: silent, warn: silent });
      const attribution = new Join({
        latenessUs: 6e8,
        attrWaitUs: 2e6,
        finalOnly: false,
        emit: (c) => engine.connection(c),
      });
      try {
        attribution.connection({ cause: 'start', capture: 'fuzz', connection });
        for await (const rows of readHostLogs([path], { warn: silent })) {
          for (const row of rows) {
            attribution.row(row);
            engine.row(row);
          }
        }
        attribution.connection({ cause: 'end', capture: 'fuzz', connection });
        attribution.end();
      } finally {
        // Its rules are watched for unhandled errors until then, also where the log was none.
        engine.end();
      }
    },
  };
}

async function sigmaRules(scratch) {
  const { loadRules } = await load('rules/rule-set');
  const { readdirSync } = await import('node:fs');
  const path = join(scratch, 'rule.yml');
  const seeds = readdirSync(join(root, 'rules'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yml'))
    .map((file) => readFileSync(join(root, 'rules', file)));
  return {
    name: 'Sigma rules',
    seeds,
    async run(bytes) {
      writeFileSync(path, bytes);
      await loadRules([path]);
    },
  };
}

/** Values that a message may hold where something else is expected. */
const ODD_VALUES = [
  null,
  true,
  -1,
  2 ** 53,
  1e308,
  '',
  '__proto__',
  'x'.repeat(20_000),
  [],
  {},
  [[]],
  [null],
  { columns: {} },
];

/** A copy of a JSON value in which one member somewhere is an odd value or gone. */
function oddMember(value, random) {
  if (typeof value !== 'object' || value === null || random(6) === 0) return ODD_VALUES[random(ODD_VALUES.length)];
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const names = Object.keys(copy);
  if (names.length === 0) return ODD_VALUES[random(ODD_VALUES.length)];
  const name = names[random(names.length)];
  if (random(8) === 0) delete copy[name];
  else copy[name] = oddMember(copy[name], random);
  return copy;
}

async function agentMessages(scratch) {
  const { readHostLogs } = await load('hosts/sources/host-log');
  const { encodeRows } = await load('wire/row-message');
  const { readAgentMessage, readEngineMessage } = await load('wire/validator');
  const path = join(scratch, 'rows.log');
  writeFileSync(path, sample('desktop/host.log').toString().split('\n').slice(0, 60).join('\n'));
  const rows = [];
  for await (const batch of readHostLogs([path], { warn: silent }))
    rows.push(...batch.filter(({ kind }) => kind !== 'clock'));
  const messages = [
    encodeRows(rows, 7, 'boot').text,
    encodeRows(rows.slice(0, 3), [4, 8, 9], undefined).text,
    '{"type":"hello","host":"h","run":"r","version":"1","groups":["a/b"],"tables":[],"limited":[],"time":1,"journal":{"id":"j","next":5},"token":"t"}',
    '{"type":"result","id":1,"columns":["a"],"rows":[[1],[null],["x"],[{"integer":"9223372036854775807"}]]}',
    '{"type":"clock","id":1,"received":5,"sent":6}',
    '{"type":"subscribe","id":1,"sql":"SELECT 1","intervalMs":1000,"kind":"both"}',
    '{"type":"welcome","version":"1","rowsPerSecond":1,"window":1,"completeEveryMs":1,"silenceMs":1000}',
  ];
  return {
    name: 'agent messages',
    seeds: messages.map((message) => Buffer.from(message)),
    run(bytes, random) {
      const odd = JSON.stringify(oddMember(JSON.parse(messages[random(messages.length)]), random)) ?? '';
      for (const text of [bytes.toString(), odd]) {
        const message = readAgentMessage(text, 'host');
        // What is taken for rows must be rows: the parts behind rely on it.
        if (message.type === 'rows') encodeRows(message.rows, message.sequences, 'boot');
        readEngineMessage(text);
      }
    },
  };
}

/** What comes on an agent's connection. It must be read the same however it is cut up. */
async function webSocketFrames() {
  const { FrameReader } = await load('server/websocket/frame-reader');
  const frame = (first, data) => {
    const length = data.length < 126 ? [data.length | 0x80] : [0xfe, data.length >> 8, data.length & 255];
    return Buffer.concat([Buffer.from([first, ...length, 1, 2, 3, 4]), data.map((byte, i) => byte ^ ((i & 3) + 1))]);
  };
  const text = Buffer.from('{"type":"clock","id":1}');
  const inParts = [frame(0x01, text), frame(0x89, Buffer.from('?')), frame(0x00, text), frame(0x80, text)];
  const told = (bytes, cut) => {
    const events = [];
    const note =
      (kind) =>
      (...what) =>
        events.push(`${kind} ${what.map(String)}`);
    const taker = {};
    for (const kind of ['text', 'binary', 'ping', 'pong', 'closing', 'violation']) taker[kind] = note(kind);
    const reader = new FrameReader(taker, 500);
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) reader.read(Buffer.from(part), part.length);
    return events.join();
  };
  return {
    name: 'WebSocket frames',
    seeds: [
      Buffer.concat(inParts),
      Buffer.concat([frame(0x81, Buffer.alloc(300, 'é')), frame(0x82, text), frame(0x8a, text)]),
      Buffer.concat([frame(0x81, text), frame(0x88, Buffer.from([3, 232, 98, 121, 101]))]),
    ],
    run(bytes, random) {
      if (told(bytes, bytes.length) !== told(bytes, random(bytes.length + 1))) throw new Error('read in two ways');
    },
  };
}

/** A batch as the native sensor writes it: a head, then records, each padded to 8 bytes. */
function ringBatch(layout, records) {
  const padded = records.map((record) => Buffer.concat([record, Buffer.alloc(-record.length & 7)]));
  const batch = Buffer.concat([Buffer.alloc(layout.batchBytes), ...padded]);
  batch.writeUInt32LE(batch.length, layout.bytes);
  return batch;
}

async function ringRecords() {
  const { decodeBatch, ringLayout: at } = await load('sensor/ring-record');
  const { EventRows } = await load('sensor/event-rows');
  const { ProcessImages } = await load('sensor/process-images');
  const record = (kind, size, tail = '') => {
    const bytes = Buffer.concat([Buffer.alloc(size, 1), Buffer.from(tail)]);
    bytes.writeUInt32LE(bytes.length, at.size);
    bytes.writeUInt16LE(kind, at.kind);
    return bytes;
  };
  const exec = record(9, at.processBytes, 'sh\0bin\0tmp\0a.scope\0sh\0-c\0exit\0');
  for (const [field, length] of [
    [at.pathBytes, 7],
    [at.cwdBytes, 4],
    [at.cgroupBytes, 8],
    [at.argsBytes, 11],
  ]) {
    exec.writeUInt16LE(length, field);
  }
  const sockets = [1, 2, 3, 4, 5, 6, 7, 8].map((kind) => record(kind, at.socketBytes));
  const processes = [exec, record(10, at.processBytes), record(11, at.processBytes)];
  let rows = new EventRows('h', undefined, new ProcessImages());
  let runs = 0;
  return {
    name: 'ring records',
    seeds: [ringBatch(at, sockets), ringBatch(at, processes), ringBatch(at, [...processes, ...sockets])],
    run(bytes, random) {
      if (runs++ % 5000 === 0) rows = new EventRows('h', undefined, new ProcessImages());
      const buffer = new ArrayBuffer(bytes.length + random(64));
      new Uint8Array(buffer).set(bytes);
      for (const each of decodeBatch(buffer).records) rows.row(each);
    },
  };
}

export const targets = [
  agentMessages,
  captureFile,
  connections,
  hostLog,
  joined,
  ringRecords,
  sigmaRules,
  ...followTargets,
  ...frameTargets,
  ...lineTargets,
  ...netlinkTargets,
  ...tableTargets,
  webSocketFrames,
];
