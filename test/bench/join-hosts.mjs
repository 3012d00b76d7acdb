// The hosts of the loads of the benchmark of the join (join-traffic.mjs), and what they tell before it begins.

export const SECOND = 1_000_000;
/** Simulated time at which everything begins. */
export const genesis = 1_700_000_000 * SECOND;
/** In which every host tells once how far it has come. */
export const WATERMARK_EVERY = SECOND / 2;

export const PROCESSES = 25;
export const LISTENERS = 20;
export const TCP = 6;
export const loads = ['calls', 'frames', 'standing', 'polled'];
/** Hosts of the load tell of every call. */
export const tellsCalls = (load) => load === 'calls' || load === 'frames';
const callStreams = ['process_events', 'socket_events'];
const polledStreams = ['processes', 'process_open_sockets', 'listening_ports', 'interface_addresses', 'users'];
const allStreams = [...callStreams, ...polledStreams];
/** What hosts of a load tell. */
export const streamsOf = (load) => (load === 'polled' ? polledStreams : allStreams);
/** As osquery tells it. */
export const NAMESPACE = '4026531840';

const textOf = (host) => `10.${host >> 14}.${(host >> 7) & 127}.${(host & 127) + 1}`;
export const OUTSIDE = 250;
const outside = Array.from({ length: OUTSIDE }, (_, n) => Buffer.from(`203.0.113.${n}`).toString('latin1'));
export const listenerPort = (n) => 1_000 + n;
export const STANDING_PORT = 5_432;

export function columnsOf(pid, ends, inode, protocol) {
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

/** A socket that stands says something about once a second at most. */
const SPEAKING = 50_000;
/** So many each host has at least; `sockets` are asked for. */
export const socketsOf = (load, hosts, sockets) =>
  tellsCalls(load) ? sockets : Math.max(sockets, LISTENERS + Math.ceil(SPEAKING / hosts));

/** Hosts by number, each with an address, processes, listeners and sockets that stand. */
export class JoinHosts {
  names;
  #addresses;
  #isRestarted;
  #load;
  #streams;
  #sockets;
  #seq;

  /** `isRestarted`: whoever watches the hosts was started anew before. */
  constructor(load, hosts, sockets, isRestarted = false) {
    this.#isRestarted = isRestarted;
    this.#load = load;
    this.#streams = streamsOf(load);
    this.#sockets = sockets;
    this.#seq = new Int32Array(hosts);
    // Texts in one piece, as a parser makes them.
    this.#addresses = Array.from({ length: hosts }, (_, host) => Buffer.from(textOf(host)).toString('latin1'));
    this.names = Array.from({ length: hosts }, (_, host) => Buffer.from(`host-${host}`).toString('latin1'));
  }

  /** What is there before the first connection, one host after the other. */
  *standing() {
    for (let host = 0; host < this.names.length; host++) {
      if (this.#isRestarted) {
        const until = genesis - 11 * SECOND;
        const timeout = { kind: 'host_timeout', host: this.names[host], at: until };
        yield [...this.#standingOf(host, genesis - 20 * SECOND, until), timeout];
      }
      yield this.#standingOf(host, genesis - 10 * SECOND);
    }
  }

  row(host, table, action, time, columns) {
    const seq = ++this.#seq[host];
    return { kind: 'row', host: this.names[host], stream: table, table, action, time, resolution: 1, seq, columns };
  }

  /** What a poll sees that the one before did not, or no longer sees. */
  change(host, table, isGone, time, columns) {
    const action = isGone ? 'removed' : 'added';
    return { ...this.row(host, table, action, time, columns), since: time - WATERMARK_EVERY };
  }

  #standingOf(host, from, until = from) {
    const id = this.names[host];
    const out = [
      {
        kind: 'host',
        host: id,
        boot: `boot-${host}`,
        streams: this.#streams.map((s) => ({ stream: s, table: s })),
        from,
      },
      { kind: 'clock', host: id, capture: 'eth0', offset: 0, err: 500, from },
      this.row(host, 'interface_addresses', 'added', from, { interface: 'eth0', address: this.#addresses[host] }),
      this.row(host, 'users', 'added', from, { uid: 1000, username: 'alice' }),
    ];
    for (let n = 0; n < PROCESSES; n++) {
      const path = `/usr/bin/program-${n}`;
      const startTime = genesis / SECOND - 1_000;
      const columns = { pid: 100 + n, parent: 1, path, name: `program-${n}`, cmdline: path, uid: 1000 };
      out.push(this.row(host, 'processes', 'added', from, { ...columns, start_time: startTime }));
    }
    for (let n = 0; n < this.#sockets; n++) {
      const pid = 100 + (n % PROCESSES);
      const listens = n < LISTENERS;
      const ends = listens
        ? { address: '0.0.0.0', port: listenerPort(n), peer: '0.0.0.0', peerPort: 0 }
        : { address: this.#addresses[host], port: 2_000 + n, peer: outside[n % OUTSIDE], peerPort: STANDING_PORT };
      const columns = { ...columnsOf(pid, ends, 1 + n, TCP), fd: 3 + n, state: listens ? 'LISTEN' : 'ESTABLISHED' };
      if (!tellsCalls(this.#load)) columns.net_namespace = NAMESPACE;
      out.push(this.row(host, 'process_open_sockets', 'added', from, { ...columns, socket: 1 + n }));
      if (listens && !tellsCalls(this.#load)) out.push(this.#listeningPort(host, n, from));
    }
    for (const stream of this.#streams) out.push({ kind: 'complete', host: id, stream, until });
    return out;
  }

  #listeningPort(host, n, from) {
    const own = { pid: 100 + (n % PROCESSES), fd: 3 + n, socket: 1 + n, net_namespace: NAMESPACE };
    const columns = { ...own, family: 2, protocol: TCP, address: '0.0.0.0', port: listenerPort(n) };
    return this.row(host, 'listening_ports', 'added', from, columns);
  }

  /** The address of a host, or for a number below 0 of somebody outside. */
  addressOf(n) {
    return n < 0 ? outside[-1 - n] : this.#addresses[n];
  }

  /** The first moment from `from` on at which the host tells that it has told everything; not all do at the same moment. */
  toldFrom(host, from) {
    const phase = Math.floor((host * WATERMARK_EVERY) / this.names.length);
    return Math.ceil((from - genesis - phase) / WATERMARK_EVERY) * WATERMARK_EVERY + phase + genesis;
  }
}
