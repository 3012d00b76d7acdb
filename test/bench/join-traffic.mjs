// Synthetic load for the benchmark of the join: hosts with standing sockets that report every call, and connections among them and
// to the outside. Inputs come in the order in which a running engine gets them. Always the same for the same options.

const SECOND = 1_000_000;
const MS = 1_000;
/** Simulated time at which everything begins. */
export const genesis = 1_700_000_000 * SECOND;

const PROCESSES = 25;
const LISTENERS = 20;
const LIFE = 40 * MS;
/** Rows and connections are handed on in steps of this length. */
export const STEP = 20 * MS;
const WATERMARK_EVERY = 500 * MS;
const streams = [
  'process_events',
  'socket_events',
  'processes',
  'process_open_sockets',
  'listening_ports',
  'interface_addresses',
  'users',
];

/** mulberry32: small, seeded, good enough to pick hosts and ports. */
function makeRandom(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const addressOf = (host) => `10.${host >> 14}.${(host >> 7) & 127}.${(host & 127) + 1}`;
const outside = (n) => `203.0.113.${n % 250}`;
const listenerPort = (n) => 1_000 + n;

function columnsOf(pid, ends, inode) {
  const { address, port, peer, peerPort } = ends;
  return {
    pid,
    fd: String(3 + (inode % 60)),
    family: 2,
    protocol: 6,
    socket: String(inode),
    local_address: address,
    local_port: port,
    remote_address: peer,
    remote_port: peerPort,
  };
}

/** A load of `hosts` hosts with `sockets` standing sockets each and `rate` connections in a second of capture time. */
export class JoinTraffic {
  #random = makeRandom(7);
  #hosts;
  #sockets;
  #interval;
  #delivery;
  #count = 0;
  #ports;
  #seq;
  #pids;
  #inode = 1_000_000;
  #pending = new Map();

  constructor({ hosts, sockets, rate, holdRows = 5 * MS }) {
    this.#hosts = hosts;
    this.#sockets = sockets;
    this.#interval = SECOND / rate;
    this.#delivery = holdRows;
    this.#ports = new Int32Array(hosts);
    this.#seq = new Int32Array(hosts);
    this.#pids = new Int32Array(hosts).fill(10_000);
  }

  /** What is there before the first connection, one host after the other. */
  *standing() {
    for (let host = 0; host < this.#hosts; host++) yield this.#standingOf(host);
  }

  #row(host, table, action, time, columns) {
    const seq = ++this.#seq[host];
    return { kind: 'row', host: `host-${host}`, stream: table, table, action, time, resolution: 1, seq, columns };
  }

  #standingOf(host) {
    const id = `host-${host}`;
    const from = genesis - 10 * SECOND;
    const out = [
      { kind: 'host', host: id, boot: `boot-${host}`, streams: streams.map((s) => ({ stream: s, table: s })), from },
      { kind: 'clock', host: id, capture: 'eth0', offset: 0, err: 500, from },
      this.#row(host, 'interface_addresses', 'added', from, { interface: 'eth0', address: addressOf(host) }),
      this.#row(host, 'users', 'added', from, { uid: 1000, username: 'alice' }),
    ];
    for (let n = 0; n < PROCESSES; n++) {
      const path = `/usr/bin/program-${n}`;
      const startTime = genesis / SECOND - 1_000;
      const columns = { pid: 100 + n, parent: 1, path, name: `program-${n}`, cmdline: path, uid: 1000 };
      out.push(this.#row(host, 'processes', 'added', from, { ...columns, start_time: startTime }));
    }
    for (let n = 0; n < this.#sockets; n++) {
      const pid = 100 + (n % PROCESSES);
      const listens = n < LISTENERS;
      const ends = listens
        ? { address: '0.0.0.0', port: listenerPort(n), peer: '0.0.0.0', peerPort: 0 }
        : { address: addressOf(host), port: 2_000 + n, peer: outside(n), peerPort: 5_432 };
      const columns = { ...columnsOf(pid, ends, 1 + n), fd: 3 + n, state: listens ? 'LISTEN' : 'ESTABLISHED' };
      out.push(this.#row(host, 'process_open_sockets', 'added', from, { ...columns, socket: 1 + n }));
    }
    for (const stream of streams) out.push({ kind: 'complete', host: id, stream, until: from });
    return out;
  }

  /** What comes in the step that begins at `from`: rows, connections, watermarks, in order of arrival. */
  step(from) {
    const to = from + STEP;
    for (; this.#startOf(this.#count) < to; this.#count++) this.#connection(this.#startOf(this.#count));
    this.#watermarks(from, to);
    const slot = from / STEP;
    const inputs = this.#pending.get(slot) ?? [];
    this.#pending.delete(slot);
    return inputs.sort((a, b) => a.at - b.at);
  }

  /** Forgets what is made but not handed on. */
  drop() {
    this.#pending.clear();
  }

  get connections() {
    return this.#count;
  }

  #startOf(n) {
    return genesis + Math.round(n * this.#interval);
  }

  #push(at, input) {
    const slot = Math.floor(at / STEP);
    const list = this.#pending.get(slot);
    if (list === undefined) this.#pending.set(slot, [{ at, ...input }]);
    else list.push({ at, ...input });
  }

  #rowAt(time, host, table, columns) {
    this.#push(time + this.#delivery, { row: this.#row(host, table, 'event', time, columns) });
  }

  #connection(start) {
    const random = this.#random;
    const host = random(this.#hosts);
    const port = 32_768 + (this.#ports[host]++ % 28_000);
    const isInside = random(2) === 0;
    const peerHost = random(this.#hosts);
    const peer = isInside ? addressOf(peerHost) : outside(random(250));
    const peerPort = isInside ? listenerPort(random(LISTENERS)) : 443;
    const address = addressOf(host);
    const end = start + LIFE;
    const pid = random(10) === 0 ? this.#shortLived(host, start, end) : 100 + random(PROCESSES);
    const inode = this.#inode++;
    const own = columnsOf(pid, { address, port, peer, peerPort }, inode);
    const made = { ...own, action: 'connect', status: 'succeeded', path: '/usr/bin/client' };
    this.#rowAt(start - 40, host, 'socket_events', made);
    this.#rowAt(end + 10, host, 'socket_events', { ...own, action: 'close', status: 'succeeded' });
    if (isInside) {
      const ends = { address: peer, port: peerPort, peer: address, peerPort: port };
      const taken = columnsOf(100 + (peerPort % PROCESSES), ends, this.#inode++);
      const accepted = { ...taken, action: 'accept', status: 'succeeded', path: '/usr/bin/server' };
      this.#rowAt(start + 150, peerHost, 'socket_events', accepted);
      this.#rowAt(end + 20, peerHost, 'socket_events', { ...taken, action: 'close', status: 'succeeded' });
    }
    const connection = {
      ts: start,
      uid: `C${this.#count}`,
      'id.orig_h': address,
      'id.orig_p': port,
      'id.resp_h': peer,
      'id.resp_p': peerPort,
      proto: 'tcp',
      conn_state: 'S0',
      missed_bytes: 0,
      history: 'S',
      orig_pkts: 1,
      orig_ip_bytes: 60,
      resp_pkts: 0,
      resp_ip_bytes: 0,
      ip_proto: 6,
    };
    const ended = { ...connection, duration: LIFE, conn_state: 'SF', history: 'ShADadFf', resp_pkts: 4, orig_pkts: 5 };
    this.#push(start + MS, { update: { cause: 'start', capture: 'eth0', connection } });
    this.#push(end + MS, { update: { cause: 'end', capture: 'eth0', connection: ended } });
  }

  /** A process of its own, as a shell makes one for every command. */
  #shortLived(host, start, end) {
    this.#pids[host] += 1;
    const pid = 10_000 + (this.#pids[host] % 22_000);
    const columns = { pid, parent: 100, path: '/usr/bin/client', cmdline: `client ${pid}`, uid: 1000 };
    this.#rowAt(start - 3 * MS, host, 'process_events', { ...columns, syscall: 'fork' });
    this.#rowAt(start - 2 * MS, host, 'process_events', { ...columns, syscall: 'execve' });
    this.#rowAt(end + MS, host, 'process_events', { ...columns, syscall: 'exit' });
    return pid;
  }

  /** Every host says twice a second that it has told everything; not all at the same moment. */
  #watermarks(from, to) {
    for (let host = 0; host < this.#hosts; host++) {
      const phase = Math.floor((host * WATERMARK_EVERY) / this.#hosts);
      const at = Math.ceil((from - genesis - phase) / WATERMARK_EVERY) * WATERMARK_EVERY + phase + genesis;
      if (at >= to) continue;
      const until = at - this.#delivery - MS;
      for (const stream of streams) this.#push(at, { row: { kind: 'complete', host: `host-${host}`, stream, until } });
    }
  }
}
