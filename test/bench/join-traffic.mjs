// Synthetic load for the benchmark of the join: hosts with standing sockets that report every call, and connections among them, to the
// outside and from there, one in five of them UDP. Most are of processes that stand, one in ten of a process of its own, as a shell makes one for every
// command. Each begins and ends with a line. Inputs come in the order in which a running engine gets them. Always the same for the same options.

const SECOND = 1_000_000;
const MS = 1_000;
/** Simulated time at which everything begins. */
export const genesis = 1_700_000_000 * SECOND;

const PROCESSES = 25;
const LISTENERS = 20;
const LIFE = 40 * MS;
/** Watermarks and capture time go on in steps of this length. */
export const STEP = 20 * MS;
/** Rows and connections handed on at a time: enough that reading the clock of the processor, slow on some machines, does not count. */
const BATCH = 2_048;
export const WATERMARK_EVERY = 500 * MS;
const streams = [
  'process_events',
  'socket_events',
  'processes',
  'process_open_sockets',
  'listening_ports',
  'interface_addresses',
  'users',
];

/** What comes, each kind by its number. */
const names = ['fork', 'execve', 'exit', 'connect', 'accept', 'close', 'close', 'start', 'end', 'complete'];
/** What the first datagram of either end is. */
const datagrams = { connect: 'send', accept: 'receive', close: 'close' };
const TCP = 6;
const UDP = 17;
const kinds = {
  fork: 0,
  execve: 1,
  exit: 2,
  connect: 3,
  accept: 4,
  closeOfConnect: 5,
  closeOfAccept: 6,
  start: 7,
  end: 8,
  watermark: 9,
};
const KINDS = 16;
/** Connections remembered at a time, and what of each. */
const PLANNED = 1 << 15;
const FIELDS = 9;
/** What comes at one moment is told apart by numbers below this: of connections that go on, or of a host and stream. */
const MOST = 1 << 17;

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
const OUTSIDE = 250;
const outside = Array.from({ length: OUTSIDE }, (_, n) => Buffer.from(`203.0.113.${n}`).toString('latin1'));
const listenerPort = (n) => 1_000 + n;

const programs = Array.from({ length: PROCESSES }, (_, n) => Buffer.from(`/usr/bin/program-${n}`).toString('latin1'));
const programOf = (pid) => (pid < 10_000 ? programs[pid - 100] : '/usr/bin/client');

function columnsOf(pid, ends, inode, protocol) {
  const { address, port, peer, peerPort } = ends;
  return {
    pid,
    fd: String(3 + (inode % 60)),
    family: 2,
    protocol,
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
  #own;
  #count = 0;
  #ports;
  #seq;
  #pids;
  #addresses;
  #names;
  #inode = 1_000_000;
  /** What is to come by step: moment, kind and connection in one number, so that the load itself is no work for the garbage collector. */
  #pending = new Map();
  /** What the connections that go on are, in turn; whole numbers, as what is read from packets. */
  #plan = new Int32Array(PLANNED * FIELDS);

  /** One connection in `own` is of a process that is made for it and ends after it. */
  constructor({ hosts, sockets, rate, holdRows = 5 * MS, own = 10 }) {
    this.#hosts = hosts;
    // Texts in one piece, as a parser makes them.
    this.#addresses = Array.from({ length: hosts }, (_, host) => Buffer.from(addressOf(host)).toString('latin1'));
    this.#names = Array.from({ length: hosts }, (_, host) => Buffer.from(`host-${host}`).toString('latin1'));
    this.#sockets = sockets;
    this.#interval = SECOND / rate;
    this.#delivery = holdRows;
    this.#own = own;
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
    return { kind: 'row', host: this.#names[host], stream: table, table, action, time, resolution: 1, seq, columns };
  }

  #standingOf(host) {
    const id = this.#names[host];
    const from = genesis - 10 * SECOND;
    const out = [
      { kind: 'host', host: id, boot: `boot-${host}`, streams: streams.map((s) => ({ stream: s, table: s })), from },
      { kind: 'clock', host: id, capture: 'eth0', offset: 0, err: 500, from },
      this.#row(host, 'interface_addresses', 'added', from, { interface: 'eth0', address: this.#addresses[host] }),
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
        : { address: this.#addresses[host], port: 2_000 + n, peer: outside[n % OUTSIDE], peerPort: 5_432 };
      const columns = { ...columnsOf(pid, ends, 1 + n, TCP), fd: 3 + n, state: listens ? 'LISTEN' : 'ESTABLISHED' };
      out.push(this.#row(host, 'process_open_sockets', 'added', from, { ...columns, socket: 1 + n }));
    }
    for (const stream of streams) out.push({ kind: 'complete', host: id, stream, until: from });
    return out;
  }

  /** What comes in the step that begins at `from`: rows, connections, watermarks, in order of arrival. */
  step(from) {
    const [inputs = []] = this.batches(from, Infinity);
    return inputs;
  }

  /** The same in batches of the size in which frames of agents are taken, each made when it is asked for. */
  *batches(from, size = BATCH) {
    const to = from + STEP;
    for (; this.#startOf(this.#count) < to; this.#count++) this.#connection(this.#count);
    this.#watermarks(from, to);
    const slot = from / STEP;
    const codes = Float64Array.from(this.#pending.get(slot) ?? []).sort();
    this.#pending.delete(slot);
    for (let at = 0; at < codes.length; at += size) {
      const inputs = [];
      const end = Math.min(at + size, codes.length);
      for (let i = at; i < end; i++) inputs.push(this.#input(codes[i], from));
      yield inputs;
    }
  }

  /** Forgets what is planned but not handed on. */
  drop() {
    this.#pending.clear();
  }

  get connections() {
    return this.#count;
  }

  #startOf(n) {
    return genesis + Math.round(n * this.#interval);
  }

  #push(at, kind, n) {
    const slot = Math.floor(at / STEP);
    const code = ((at - slot * STEP) * KINDS + kind) * MOST + n;
    const list = this.#pending.get(slot);
    if (list === undefined) this.#pending.set(slot, [code]);
    else list.push(code);
  }

  #rowAt(time, kind, n) {
    this.#push(time + this.#delivery, kind, n);
  }

  #connection(n) {
    const random = this.#random;
    const start = this.#startOf(n);
    const end = start + LIFE;
    const host = random(this.#hosts);
    const port = 32_768 + (this.#ports[host]++ % 28_000);
    const isInside = random(2) === 0;
    // One in five of the others comes from the outside.
    const isFromOutside = !isInside && random(5) === 0;
    const peer = isInside ? random(this.#hosts) : -1 - random(OUTSIDE);
    const isUdp = random(5) === 0;
    const peerPort = isInside || isFromOutside ? listenerPort(random(LISTENERS)) : isUdp ? 53 : 443;
    const isShort = (!isFromOutside || this.#own === 1) && random(this.#own) === 0;
    const pid = isShort ? 10_000 + (++this.#pids[host] % 22_000) : 100 + random(PROCESSES);
    const protocol = isUdp ? UDP : TCP;
    const near = isFromOutside ? peer : host;
    const far = isFromOutside ? host : peer;
    const place = n % PLANNED;
    const plan = this.#plan;
    let at = place * FIELDS;
    plan[at++] = near;
    plan[at++] = port;
    plan[at++] = far;
    plan[at++] = peerPort;
    plan[at++] = pid;
    plan[at++] = this.#inode++;
    plan[at++] = this.#inode++;
    plan[at++] = protocol;
    plan[at] = n;
    if (isShort) {
      this.#rowAt(start - 3 * MS, kinds.fork, place);
      this.#rowAt(start - 2 * MS, kinds.execve, place);
      this.#rowAt(end + MS, kinds.exit, place);
    }
    if (!isFromOutside) {
      this.#rowAt(start - 40, kinds.connect, place);
      this.#rowAt(end + 10, kinds.closeOfConnect, place);
    }
    if (isInside || isFromOutside) {
      this.#rowAt(start + 150, kinds.accept, place);
      // The socket that takes datagrams stays.
      if (!isUdp) this.#rowAt(end + 20, kinds.closeOfAccept, place);
    }
    this.#push(start + MS, kinds.start, place);
    this.#push(end + MS, kinds.end, place);
  }

  #input(code, from) {
    const n = code % MOST;
    const rest = Math.floor(code / MOST);
    const kind = rest % KINDS;
    const at = Math.floor(rest / KINDS) + from;
    if (kind === kinds.watermark) {
      const stream = streams[n % streams.length];
      const host = this.#names[Math.floor(n / streams.length)];
      return { row: { kind: 'complete', host, stream, until: at - this.#delivery - MS } };
    }
    if (kind === kinds.start || kind === kinds.end) return { update: this.#update(kind, n) };
    return { row: this.#event(kind, n, at - this.#delivery) };
  }

  #event(kind, place, time) {
    const plan = this.#plan;
    const from = place * FIELDS;
    const host = plan[from];
    const peer = plan[from + 2];
    const pid = plan[from + 4];
    const isTaken = kind === kinds.accept || kind === kinds.closeOfAccept;
    if (kind === kinds.fork || kind === kinds.execve || kind === kinds.exit) {
      const by = host < 0 ? peer : host;
      const cmdline = `client ${pid}`;
      const columns = { pid, parent: 100, path: '/usr/bin/client', cmdline, uid: 1000, syscall: names[kind] };
      return this.#row(by, 'process_events', 'event', time, columns);
    }
    const port = plan[from + 1];
    const peerPort = plan[from + 3];
    const protocol = plan[from + 7];
    const caller = isTaken ? 100 + (peerPort % PROCESSES) : pid;
    const own = plan[from + (isTaken ? 6 : 5)];
    const action = protocol === UDP ? datagrams[names[kind]] : names[kind];
    const fd = String(3 + (own % 60));
    const socket = String(own);
    const local = this.#placeOf(isTaken ? peer : host);
    const localPort = isTaken ? peerPort : port;
    const status = 'succeeded';
    const path = kind === kinds.connect || kind === kinds.accept ? programOf(caller) : '';
    const call = { action, pid: caller, fd, family: 2, protocol, socket, local_address: local, local_port: localPort };
    // A socket that sends datagrams to anybody names nobody when it is closed.
    if (kind !== kinds.closeOfConnect || protocol !== UDP) {
      call.remote_address = this.#placeOf(isTaken ? host : peer);
      call.remote_port = isTaken ? port : peerPort;
    }
    call.status = status;
    call.path = path;
    return this.#row(isTaken ? peer : host, 'socket_events', 'event', time, call);
  }

  /** The address of a host, or for a number below 0 of somebody outside. */
  #placeOf(n) {
    return n < 0 ? outside[-1 - n] : this.#addresses[n];
  }

  #update(kind, place) {
    const plan = this.#plan;
    const from = place * FIELDS;
    const protocol = plan[from + 7];
    const n = plan[from + 8];
    const connection = {
      ts: this.#startOf(n),
      uid: `C${n}`,
      'id.orig_h': this.#placeOf(plan[from]),
      'id.orig_p': plan[from + 1],
      'id.resp_h': this.#placeOf(plan[from + 2]),
      'id.resp_p': plan[from + 3],
      proto: protocol === TCP ? 'tcp' : 'udp',
      duration: undefined,
      conn_state: 'S0',
      missed_bytes: 0,
      history: protocol === TCP ? 'S' : 'D',
      orig_pkts: 1,
      orig_ip_bytes: 60,
      resp_pkts: 0,
      resp_ip_bytes: 0,
      ip_proto: protocol,
    };
    if (kind === kinds.start) return { cause: 'start', capture: 'eth0', connection };
    const history = protocol === TCP ? 'ShADadFf' : 'Dd';
    connection.duration = LIFE;
    connection.conn_state = 'SF';
    connection.history = history;
    connection.orig_pkts = 5;
    connection.resp_pkts = 4;
    return { cause: 'end', capture: 'eth0', connection };
  }

  /** Every host says twice a second that it has told everything; not all at the same moment. */
  #watermarks(from, to) {
    for (let host = 0; host < this.#hosts; host++) {
      const phase = Math.floor((host * WATERMARK_EVERY) / this.#hosts);
      const at = Math.ceil((from - genesis - phase) / WATERMARK_EVERY) * WATERMARK_EVERY + phase + genesis;
      if (at >= to) continue;
      for (let stream = 0; stream < streams.length; stream++) {
        this.#push(at, kinds.watermark, host * streams.length + stream);
      }
    }
  }
}
