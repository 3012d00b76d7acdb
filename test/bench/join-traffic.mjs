// Synthetic loads for the benchmark of the join: connections of hosts with standing sockets. Each begins and ends with a line. Inputs come in the order
// in which a running engine gets them. Always the same for the same options.
//
// calls     Hosts report every call. Connections among them, to the outside and from there, one in five of them UDP. Most are of processes that
//           stand, one in ten of a process of its own, as a shell makes one for every command.
// frames    The same connections and rows, from the program's own agents with a sensor in the kernel: it is read every 20 ms (src/sensor/ebpf-sensor.ts), and
//           what it told is one frame, with how far the events are complete behind it; how far polls are, once a second. Rows of a host so come together,
//           6.6 of them with 1,000 hosts, and owners are known 15 ms after the first packet on average, while most connections go on.
// standing  Hosts report calls, but as osquery unless it is asked to, none that accepts. Half of the connections come from the outside to a
//           listener, half are packets of a standing socket, which was there before the capture: no call is told of either.
// polled    Hosts report what two polls a second see, and no calls, as osquery without events. Half of the connections are of standing sockets, a quarter
//           come from the outside to a listener, a quarter from a host. One in ten of these lives for several polls; what a poll sees of any of them,
//           its sockets at both ends and for one in ten its process, comes and goes in rows.

import {
  columnsOf,
  genesis,
  JoinHosts,
  LISTENERS,
  listenerPort,
  NAMESPACE,
  OUTSIDE,
  PROCESSES,
  SECOND,
  STANDING_PORT,
  streamsOf,
  TCP,
  tellsCalls,
} from './join-hosts.mjs';

const MS = 1_000;

const LIFE = 40 * MS;
/** Of a connection that several polls see. */
const LONG_LIFE = 1_200 * MS;
/** Watermarks and capture time go on in steps of this length. */
export const STEP = 20 * MS;
/** Rows and connections handed on at a time: enough that reading the clock of the processor, slow on some machines, does not count. */
const BATCH = 2_048;
/** What comes, each kind by its number. */
const names = ['fork', 'execve', 'exit', 'connect', 'accept', 'close', 'close'];
/** What the first datagram of either end is. */
const datagrams = { connect: 'send', accept: 'receive', close: 'close' };
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
  processGone: 9,
  callerGone: 10,
  takerGone: 11,
  processSeen: 12,
  callerSeen: 13,
  takerSeen: 14,
  watermark: 15,
};
const KINDS = 16;
/** Connections remembered at a time, also where some live long, and what of each. */
const PLANNED = 1 << 15;
const PLANNED_LONG = 1 << 18;
const FIELDS = 10;
/** What comes at one moment is told apart by numbers below this: of connections that go on, or of a host and stream. */
const MOST = 1 << 18;
/** The sensor is read this often, and has told everything up to a moment before. */
const READ = STEP;
const MARGIN = 2 * MS;
/** A frame has rows by stream, each in order of time, then watermarks: by the block, and the moment between two reads. */
const MOMENTS = READ + 1;
const blocks = { processes: 0, sockets: 1, watermarks: 2 };
const BLOCKS = 3;
/** Frames of a host that are remembered: more than rows of a connection come in. */
const FRAMES = 16;
/** How often such a host polls beside the events. */
const POLL = SECOND;
/** Places of the streams whose watermarks come with every frame: of events, and of the processes that they tell of. */
const frameStreams = [0, 1, 2];

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

const programs = Array.from({ length: PROCESSES }, (_, n) => Buffer.from(`/usr/bin/program-${n}`).toString('latin1'));
const programOf = (pid) => (pid < 10_000 ? programs[pid - 100] : '/usr/bin/client');

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
  #pids;
  #fleet;
  #inode = 1_000_000;
  #load;
  #streams;
  /** Of the sockets that stand the one that speaks next. */
  #speaks = 0;
  /** What is to come by step: moment, kind and connection in one number, so that the load itself is no work for the garbage collector. */
  #pending = new Map();
  /** What the connections that go on are, in turn; whole numbers, as what is read from packets. */
  #planned;
  #plan;
  /** The latest frames of each host that were planned, by number. */
  #frames;

  /** One connection in `own` is of a process that is made for it and ends after it. */
  constructor({ load = 'calls', hosts, sockets, rate, holdRows = 5 * MS, own = 10, restarted = false }) {
    this.#load = load;
    this.#streams = streamsOf(load);
    this.#fleet = new JoinHosts(load, hosts, sockets, restarted);
    this.#planned = load === 'polled' ? PLANNED_LONG : PLANNED;
    this.#plan = new Int32Array(this.#planned * FIELDS);
    this.#hosts = hosts;
    this.#sockets = sockets;
    this.#interval = SECOND / rate;
    this.#delivery = holdRows;
    this.#own = own;
    this.#ports = new Int32Array(hosts);
    this.#frames = new Int32Array(hosts * FRAMES).fill(-1);
    this.#pids = new Int32Array(hosts).fill(10_000);
  }

  /** What is there before the first connection, one host after the other. */
  standing() {
    return this.#fleet.standing();
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
      for (let i = at; i < end; i++) this.#hand(this.#input(codes[i], from), inputs);
      yield inputs;
    }
  }

  /** Rows of a frame are handed on together. */
  #hand(input, inputs) {
    const { row } = input;
    const before = inputs.length === 0 ? undefined : inputs[inputs.length - 1].rows;
    if (this.#load !== 'frames' || row === undefined) inputs.push(input);
    else if (before !== undefined && before[0].host === row.host) before.push(row);
    else inputs.push({ rows: [row] });
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

  #push(at, kind, n, block = 0, moment = 0) {
    const slot = Math.floor(at / STEP);
    const place = ((at - slot * STEP) * BLOCKS + block) * MOMENTS + moment;
    const code = (place * KINDS + kind) * MOST + n;
    const list = this.#pending.get(slot);
    if (list === undefined) this.#pending.set(slot, [code]);
    else list.push(code);
  }

  /** A host told something at a time. */
  #rowAt(time, kind, n, host) {
    if (this.#load !== 'frames') {
      this.#push(time + this.#delivery, kind, n);
      return;
    }
    const read = this.#readFrom(host, time);
    const block = kind <= kinds.exit ? blocks.processes : blocks.sockets;
    this.#push(read + this.#delivery, kind, n, block, time - read + READ);
    this.#frameAt(host, read);
  }

  /** A frame has watermarks of the events behind its rows. */
  #frameAt(host, read) {
    const number = Math.floor((read - genesis) / READ);
    const place = host * FRAMES + (number & (FRAMES - 1));
    if (this.#frames[place] === number) return;
    this.#frames[place] = number;
    for (const stream of frameStreams) this.#completeAt(host, stream, read);
  }

  #completeAt(host, stream, read) {
    const n = host * this.#streams.length + stream;
    this.#push(read + this.#delivery, kinds.watermark, n, blocks.watermarks, stream);
  }

  /** When the sensor of a host is read next, from a time on; not all at the same moment. */
  #readFrom(host, time) {
    const phase = Math.floor((host * READ) / this.#hosts);
    return Math.ceil((time - genesis - phase) / READ) * READ + phase + genesis;
  }

  #connection(n) {
    const place = n % this.#planned;
    const start = this.#startOf(n);
    const life = tellsCalls(this.#load) ? this.#called(n, place, start) : this.#stood(n, place, start);
    this.#plan[place * FIELDS + 9] = life;
    this.#push(start + MS, kinds.start, place);
    this.#push(start + life + MS, kinds.end, place);
  }

  #remember(place, near, port, far, peerPort, pid, protocol, n) {
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
  }

  /** A connection of which every call is told. Returns how long it lives. */
  #called(n, place, start) {
    const random = this.#random;
    const end = start + LIFE;
    const host = random(this.#hosts);
    const port = this.#nextPort(host);
    const isInside = random(2) === 0;
    // One in five of the others comes from the outside.
    const isFromOutside = !isInside && random(5) === 0;
    const peer = isInside ? random(this.#hosts) : -1 - random(OUTSIDE);
    const isUdp = random(5) === 0;
    const peerPort = isInside || isFromOutside ? listenerPort(random(LISTENERS)) : isUdp ? 53 : 443;
    const isShort = (!isFromOutside || this.#own === 1) && random(this.#own) === 0;
    const pid = isShort ? this.#nextPid(host) : 100 + random(PROCESSES);
    const near = isFromOutside ? peer : host;
    const far = isFromOutside ? host : peer;
    this.#remember(place, near, port, far, peerPort, pid, isUdp ? UDP : TCP, n);
    if (isShort) {
      this.#rowAt(start - 3 * MS, kinds.fork, place, host);
      this.#rowAt(start - 2 * MS, kinds.execve, place, host);
      this.#rowAt(end + MS, kinds.exit, place, host);
    }
    if (!isFromOutside) {
      this.#rowAt(start - 40, kinds.connect, place, near);
      this.#rowAt(end + 10, kinds.closeOfConnect, place, near);
    }
    if (isInside || isFromOutside) {
      this.#rowAt(start + 150, kinds.accept, place, far);
      // The socket that takes datagrams stays.
      if (!isUdp) this.#rowAt(end + 20, kinds.closeOfAccept, place, far);
    }
    return LIFE;
  }

  /** A connection of which no call is told. Returns how long it lives. */
  #stood(n, place, start) {
    const random = this.#random;
    if (random(2) === 0) {
      const standing = this.#speaks++;
      const socket = LISTENERS + (Math.floor(standing / this.#hosts) % (this.#sockets - LISTENERS));
      this.#remember(place, standing % this.#hosts, 2_000 + socket, -1 - (socket % OUTSIDE), STANDING_PORT, 0, TCP, n);
      return LIFE;
    }
    const host = random(this.#hosts);
    const isPolled = this.#load === 'polled';
    const peer = isPolled && random(2) === 0 ? random(this.#hosts) : -1 - random(OUTSIDE);
    const life = isPolled && random(10) === 0 ? LONG_LIFE : LIFE;
    const isOwn = peer >= 0 && life === LONG_LIFE && random(this.#own) === 0;
    const pid = isOwn ? this.#nextPid(peer) : 100 + random(PROCESSES);
    const port = this.#nextPort(peer < 0 ? host : peer);
    this.#remember(place, peer, port, host, listenerPort(random(LISTENERS)), pid, TCP, n);
    if (isPolled) this.#polledAt(place, kinds.takerSeen, kinds.takerGone, host, start, start + life);
    if (isPolled && peer >= 0) this.#polledAt(place, kinds.callerSeen, kinds.callerGone, peer, start, start + life);
    if (isOwn) this.#polledAt(place, kinds.processSeen, kinds.processGone, peer, start, start + life);
    return life;
  }

  /** Rows of what was there from a moment to another, if the host polled in between. */
  #polledAt(place, seen, gone, host, from, to) {
    const first = this.#fleet.toldFrom(host, from + this.#delivery + MS);
    const last = this.#fleet.toldFrom(host, to + this.#delivery + MS);
    if (first === last) return;
    this.#push(first, seen, place);
    this.#push(last, gone, place);
  }

  #nextPort(host) {
    return 32_768 + (this.#ports[host]++ % 28_000);
  }

  #nextPid(host) {
    return 10_000 + (++this.#pids[host] % 22_000);
  }

  #input(code, from) {
    const n = code % MOST;
    let rest = Math.floor(code / MOST);
    const kind = rest % KINDS;
    rest = Math.floor(rest / KINDS);
    const moment = rest % MOMENTS;
    const at = Math.floor(rest / (MOMENTS * BLOCKS)) + from;
    if (kind === kinds.watermark) {
      const stream = this.#streams[n % this.#streams.length];
      const host = this.#fleet.names[Math.floor(n / this.#streams.length)];
      const until = at - this.#delivery - (this.#load === 'frames' ? MARGIN : MS);
      return { row: { kind: 'complete', host, stream, until } };
    }
    if (kind === kinds.start || kind === kinds.end) return { update: this.#update(kind, n) };
    if (kind > kinds.end) return { row: this.#sighting(kind, n, at - this.#delivery - MS) };
    const told = at - this.#delivery - (this.#load === 'frames' ? READ - moment : 0);
    return { row: this.#event(kind, n, told) };
  }

  /** What a poll saw come or go. */
  #sighting(kind, place, time) {
    const [near, port, far, peerPort, pid, called, taken] = this.#plan.subarray(place * FIELDS);
    if (kind === kinds.processSeen || kind === kinds.processGone) {
      const path = '/usr/bin/client';
      const columns = { pid, parent: 100, path, name: 'client', cmdline: `client ${pid}`, uid: 1000 };
      const startTime = Math.floor(this.#startOf(this.#plan[place * FIELDS + 8]) / SECOND);
      return this.#fleet.change(near, 'processes', kind === kinds.processGone, time, {
        ...columns,
        start_time: startTime,
      });
    }
    const isTaker = kind === kinds.takerSeen || kind === kinds.takerGone;
    const isGone = kind === kinds.takerGone || kind === kinds.callerGone;
    const caller = { address: this.#fleet.addressOf(near), port, peer: this.#fleet.addressOf(far), peerPort };
    const taker = { address: caller.peer, port: peerPort, peer: caller.address, peerPort: port };
    const owner = isTaker ? 100 + ((peerPort - listenerPort(0)) % PROCESSES) : pid;
    const columns = columnsOf(owner, isTaker ? taker : caller, isTaker ? taken : called, TCP);
    const told = { ...columns, state: 'ESTABLISHED', net_namespace: NAMESPACE };
    return this.#fleet.change(isTaker ? far : near, 'process_open_sockets', isGone, time, told);
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
      return this.#fleet.row(by, 'process_events', 'event', time, columns);
    }
    const port = plan[from + 1];
    const peerPort = plan[from + 3];
    const protocol = plan[from + 7];
    const caller = isTaken ? 100 + (peerPort % PROCESSES) : pid;
    const own = plan[from + (isTaken ? 6 : 5)];
    const action = protocol === UDP ? datagrams[names[kind]] : names[kind];
    const fd = String(3 + (own % 60));
    const socket = String(own);
    const local = this.#fleet.addressOf(isTaken ? peer : host);
    const localPort = isTaken ? peerPort : port;
    const status = 'succeeded';
    const path = kind === kinds.connect || kind === kinds.accept ? programOf(caller) : '';
    const call = { action, pid: caller, fd, family: 2, protocol, socket, local_address: local, local_port: localPort };
    // A socket that sends datagrams to anybody names nobody when it is closed.
    if (kind !== kinds.closeOfConnect || protocol !== UDP) {
      call.remote_address = this.#fleet.addressOf(isTaken ? host : peer);
      call.remote_port = isTaken ? port : peerPort;
    }
    call.status = status;
    call.path = path;
    return this.#fleet.row(isTaken ? peer : host, 'socket_events', 'event', time, call);
  }

  #update(kind, place) {
    const plan = this.#plan;
    const from = place * FIELDS;
    const protocol = plan[from + 7];
    const n = plan[from + 8];
    // Of a socket that stands the beginning was not seen.
    const isStanding = plan[from + 3] === STANDING_PORT;
    const connection = {
      ts: this.#startOf(n),
      uid: `C${n}`,
      'id.orig_h': this.#fleet.addressOf(plan[from]),
      'id.orig_p': plan[from + 1],
      'id.resp_h': this.#fleet.addressOf(plan[from + 2]),
      'id.resp_p': plan[from + 3],
      proto: protocol === TCP ? 'tcp' : 'udp',
      duration: undefined,
      conn_state: isStanding ? 'OTH' : 'S0',
      missed_bytes: 0,
      history: isStanding ? 'A' : protocol === TCP ? 'S' : 'D',
      orig_pkts: 1,
      orig_ip_bytes: 60,
      resp_pkts: 0,
      resp_ip_bytes: 0,
      ip_proto: protocol,
    };
    if (kind === kinds.start) return { cause: 'start', capture: 'eth0', connection };
    const history = isStanding ? 'ADad' : protocol === TCP ? 'ShADadFf' : 'Dd';
    connection.duration = plan[from + 9];
    connection.conn_state = isStanding ? 'OTH' : 'SF';
    connection.history = history;
    connection.orig_pkts = 5;
    connection.resp_pkts = 4;
    return { cause: 'end', capture: 'eth0', connection };
  }

  #watermarks(from, to) {
    for (let host = 0; host < this.#hosts; host++) {
      if (this.#load === 'frames') this.#polledBetween(host, from, to);
      else this.#toldBetween(host, from, to);
    }
  }

  /** Every host says so twice a second. */
  #toldBetween(host, from, to) {
    const streams = this.#streams.length;
    const at = this.#fleet.toldFrom(host, from);
    if (at >= to) return;
    for (let stream = 0; stream < streams; stream++) this.#push(at, kinds.watermark, host * streams + stream);
  }

  /** What a poll tells goes with a frame. */
  #polledBetween(host, from, to) {
    const phase = Math.floor((host * POLL) / this.#hosts);
    const polled = Math.ceil((from - genesis - phase) / POLL) * POLL + phase + genesis;
    if (polled >= to) return;
    const read = this.#readFrom(host, polled);
    this.#frameAt(host, read);
    for (let stream = frameStreams.length; stream < this.#streams.length; stream++)
      this.#completeAt(host, stream, read);
  }
}
