// Many hosts in one process: real agents, whose sensors make processes and connections up. Each answers the engine's query `truth` with what it
// has running and has told. `quiet` on the standard input ends the changes.
//
//   node simulated-hosts.mjs --hosts 20 --first 0 --server wss://… --ca FILE --secret FILE --spool FOLDER
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const load = (file) => import(new URL(`../../../dist/${file}.js`, import.meta.url).href);
const option = { type: 'string' };
const { values } = parseArgs({
  options: { hosts: option, first: option, server: option, ca: option, secret: option, spool: option },
});
const { Agent } = await load('agent/agent');
const { engineDialer } = await load('agent/engine-address');
const { hostToken } = await load('agent/host-token');
const { Journal } = await load('agent/journal');
const { Redaction } = await load('agent/redaction');

const dial = engineDialer({ server: values.server, ca: values.ca, secretFile: values.secret });
const CHANGE_MS = 500;
const RUNNING = 30;

class SimulatedHost {
  running = new Map();
  connects = 0;
  told = 0;
  #seq = { processes: 0, socket_events: 0 };
  #pid = 1000;
  #time = 0;

  constructor(host, emit) {
    this.host = host;
    this.boot = `boot-of-${host}`;
    this.emit = emit;
    const tables = ['processes', 'socket_events'].map((table) => ({ stream: table, table }));
    this.tell([{ kind: 'host', host, boot: this.boot, streams: tables, from: this.now() }]);
    this.tell(Array.from({ length: RUNNING }, () => this.#begin()));
    // Not all hosts change at the same moment.
    this.timer = setTimeout(() => {
      this.timer = setInterval(() => this.change(), CHANGE_MS);
    }, Math.random() * CHANGE_MS);
  }

  now() {
    this.#time = Math.max(this.#time + 1, Date.now() * 1000);
    return this.#time;
  }

  tell(rows) {
    this.told += rows.filter(({ kind }) => kind === 'row').length;
    const until = this.now();
    const complete = ['processes', 'socket_events'].map((stream) => ({
      kind: 'complete',
      host: this.host,
      stream,
      until,
    }));
    this.emit([...rows, ...complete]);
  }

  /** The process that has run for longest ends, another begins, and connects. */
  change() {
    const [pid, columns] = this.running.entries().next().value;
    this.running.delete(pid);
    const connect = {
      action: 'connect',
      pid: this.#pid,
      remote_port: ++this.connects % 65_536,
      family: 2,
      protocol: 6,
    };
    this.tell([
      this.#row('processes', 'removed', columns),
      this.#begin(),
      this.#row('socket_events', 'event', {
        ...connect,
        remote_address: '198.51.100.200',
        local_address: '198.51.100.201',
        local_port: 2000,
      }),
    ]);
  }

  #begin() {
    const pid = ++this.#pid;
    const columns = { pid, name: `program-${pid % 7}`, path: `/usr/bin/program-${pid % 7}` };
    this.running.set(pid, columns);
    return this.#row('processes', 'added', columns);
  }

  #row(table, action, columns) {
    const { host, boot } = this;
    return {
      kind: 'row',
      host,
      boot,
      stream: table,
      table,
      action,
      time: this.now(),
      resolution: 1,
      seq: this.#seq[table]++,
      columns,
    };
  }

  truth(sql) {
    if (sql === 'processes') {
      const rows = [...this.running.values()].map(({ pid, name, path }) => [pid, name, path]);
      return { columns: ['pid', 'name', 'path'], rows };
    }
    return { columns: ['told', 'connects'], rows: [[this.told, this.connects]] };
  }

  async stop() {
    clearInterval(this.timer);
  }
}

const hosts = [];
for (let i = 0; i < Number(values.hosts); i++) {
  const host = `sim-${Number(values.first) + i}`;
  const spool = join(values.spool, host);
  const quiet = () => {};
  const journal = Journal.open({ host, folder: spool, maxBytes: 1 << 26, warn: quiet });
  const token = hostToken(host, spool);
  const agent = new Agent({
    host,
    groups: ['simulated'],
    version: 'simulated',
    dial,
    journal,
    token,
    redaction: new Redaction(),
    database: { query: async (sql) => hosts[i].truth(sql) },
    tables: ['processes'],
    sensor: async (emit) => {
      hosts[i] = new SimulatedHost(host, emit);
      hosts[i].degradation = [];
      return hosts[i];
    },
    warn: quiet,
    info: quiet,
  });
  await agent.start();
}
console.log('ready');
process.stdin.on('data', () => {
  for (const host of hosts) clearInterval(host.timer);
  console.log('quiet');
});
process.stdin.on('end', () => process.exit(0));
