import { describe, expect, it } from 'vitest';
import { UNMEASURED_ERR } from '../../../src/join/host-clocks.js';
import type { Host } from './host.js';
import type { Process } from './process-life.js';
import { type Socket, sameEndpoint } from './sockets.js';
import { buildWorld } from './world.js';

const hardships = {
  losses: true,
  late: true,
  translations: true,
  regulars: true,
  profiles: ['ebpf', 'ebpf', 'audit', 'poll', 'none'],
} as const;

describe('a simulated world', () => {
  it('has no clock further from that of a capture than is told, or than one that nobody measured is trusted with', () => {
    for (let seed = 70_003_920; seed < 70_003_930; seed++) {
      const world = buildWorld(seed, { losses: true, late: true, translations: true, profiles: ['ebpf', 'poll'] });
      const clocks = world.deliveries.flatMap(({ row }) => (row.kind === 'clock' ? [row] : []));
      for (const { update } of world.emissions) {
        const { flow } = world.truth.get(update.connection.uid)!;
        // What had begun before the capture does not show how the capture's clock stands.
        if (['OTH', 'S0'].includes(update.connection.conn_state)) continue;
        for (const host of world.hosts) {
          const told = clocks.filter(({ host: id, capture }) => id === host.id && capture === update.capture);
          const { offset, err } = told.findLast(({ from }) => from <= update.connection.ts) ??
            told[0] ?? { offset: 0, err: UNMEASURED_ERR };
          const isOff = Math.abs(host.clock(flow.start) - update.connection.ts - offset) > err;
          expect(isOff, `seed ${seed}: ${host.id} on ${update.capture}`).toBe(false);
        }
      }
    }
  });

  it('shows no answer of a connection that nobody answered, also where the capture began after it', () => {
    const options = { losses: false, late: false, profiles: ['ebpf'] } as const;
    for (const seed of [95_001_205, 95_001_206, 95_001_207]) {
      const { emissions, truth } = buildWorld(seed, { ...options, translations: true });
      for (const { connection } of emissions.map(({ update }) => update)) {
        const { flow } = truth.get(connection.uid)!;
        if (flow.proto === 'tcp' && !flow.answered) expect(connection.history, `seed ${seed}`).not.toMatch(/[hAD]/);
      }
    }
  });

  it('leaves out no datagrams that came since its first packet, whose beginning the capture missed', () => {
    const { emissions, truth } = buildWorld(760_001_001, hardships);
    const connections = emissions.flatMap(({ update }) => (update.capture === 'eth0' ? [update.connection] : []));
    const told = new Set(connections.map(({ uid }) => uid));
    const first = Math.min(...connections.map(({ ts }) => ts));
    const flows = [...truth.values()].map(({ flow }) => flow);
    const missed = flows.filter(({ uid, capture, proto }) => capture === 'eth0' && proto === 'udp' && !told.has(uid));
    expect(missed.filter(({ last }) => last >= first).map(({ uid }) => uid)).toEqual([]);
  });

  it('lets nobody connect from a port that another socket was bound to and still has', () => {
    const world = buildWorld(137_000_022, {
      ...{ losses: true, late: true, translations: true },
      profiles: ['ebpf', 'ebpf', 'audit', 'poll', 'none'],
    });
    for (const { facts, sockets } of world.hosts) {
      const bound = facts.flatMap((fact) => (fact.kind === 'bind' && fact.socket.connects ? [fact.socket] : []));
      for (const { id, netns, proto, local, opened, closed = Infinity } of bound) {
        const sharing = sockets.all.filter(
          (other) =>
            other.id !== id && other.netns === netns && other.proto === proto && other.local.port === local.port,
        );
        expect(sharing.filter((other) => other.opened < closed && (other.closed ?? Infinity) > opened)).toEqual([]);
      }
    }
  });

  it('lets a host accept no two connections of one tuple at a time, by whichever bridge they come', () => {
    const { hosts } = buildWorld(1_007_009_997, hardships);
    const accepted = hosts.flatMap(({ sockets }) =>
      sockets.all.filter(({ proto, remote, connects }) => proto === 'tcp' && remote !== undefined && !connects),
    );
    for (const one of accepted) {
      const others = accepted.filter(
        (other) =>
          other !== one &&
          other.netns === one.netns &&
          sameEndpoint(other.local, one.local) &&
          sameEndpoint(other.remote!, one.remote!) &&
          other.opened < (one.closed ?? Infinity) &&
          (other.closed ?? Infinity) > one.opened,
      );
      expect(others.map(({ id }) => id)).toEqual([]);
    }
  });

  it('translates no two connections to the same endpoints at a time, whichever address of the host they were to', () => {
    const { truth } = buildWorld(1_017_001_789, hardships);
    const outside = [...truth.values()].filter(({ flow }) => flow.proto === 'tcp' && flow.capture === 'eth0');
    const behind = outside.flatMap(({ flow }) => flow.views.map((view) => ({ ...view, flow })));
    for (const { capture, orig, resp, flow } of behind) {
      const others = behind.filter(
        (other) =>
          other.flow !== flow &&
          other.capture === capture &&
          sameEndpoint(other.orig, orig) &&
          sameEndpoint(other.resp, resp) &&
          other.flow.start < flow.last &&
          other.flow.last > flow.start,
      );
      expect(others.map((other) => other.flow.uid)).toEqual([]);
    }
  });

  it('has no two processes that by all that audit tells are one which gives up the privileges of root', () => {
    const seeds = [1_307_100_759, 1_307_104_650, 1_307_109_672];
    const audited = seeds.flatMap((seed) => {
      const { hosts, profiles } = buildWorld(seed, hardships);
      return hosts.filter(({ id }) => profiles.get(id) === 'audit');
    });
    expect(audited.length).toBeGreaterThan(0);
    for (const host of audited) {
      const { all } = host.processes;
      const secondOf = (at: number): number => Math.floor(host.clock(at) / 1_000_000);
      const secondsOf = ({ images }: Process): number[] => images.slice(1).map(({ from }) => secondOf(from));
      for (const [i, first] of all.entries()) {
        const alike = all
          .slice(i + 1)
          .filter(({ pid, parent }) => pid === first.pid && parent !== undefined && parent.pid === first.parent?.pid)
          .filter((next) => first.uid === 0 && next.uid !== 0)
          .filter((next) => secondsOf(next).some((second) => secondsOf(first).includes(second)));
        expect(alike.map(({ start }) => start)).toEqual([]);
      }
    }
  });

  it('has the ends of datagrams that two send each other owned by processes of their own hosts', () => {
    const { truth, hosts } = buildWorld(1_407_000_419, hardships);
    const exchanged = [...truth.values()].filter(({ flow }) => flow.proto === 'udp' && flow.capture === 'eth0');
    for (const { flow } of exchanged) {
      const host = hosts.find(({ own }) => own.addresses.some(({ address }) => address === flow.resp.address));
      if (host !== undefined && flow.respOwner !== undefined) expect(flow.respOwner.process.host).toBe(host);
    }
  });

  it('tells nothing of a time in which nobody watched a host, and begins anew after it', () => {
    for (const seed of [1_500_000_000, 1_500_000_001, 1_500_000_005, 1_500_000_006]) {
      const world = buildWorld(seed, { ...hardships, losses: false, returns: true });
      for (const host of world.hosts.filter(({ gaps }) => gaps.length > 0)) {
        const rows = world.deliveries.flatMap(({ row }) => (row.host === host.id ? [row] : []));
        const ends = rows.flatMap((row) => (row.kind === 'host_timeout' ? [row.at] : []));
        const begins = rows.flatMap((row) => (row.kind === 'host' ? [row] : [])).slice(1);
        expect(begins.length, `seed ${seed}`).toBe(host.gaps.length);
        for (const [i, { from, boot }] of begins.entries()) {
          expect(from).toBeGreaterThan(ends[i]!);
          const stoppedAt = host.clock(host.gaps[i]!.from);
          expect(ends[i]).toBeLessThanOrEqual(stoppedAt);
          const isUnwatched = (at: number): boolean => at > stoppedAt && at < from;
          expect(rows.filter((row) => row.kind === 'row' && isUnwatched(row.time))).toEqual([]);
          expect(rows.filter((row) => row.kind === 'complete' && isUnwatched(row.until))).toEqual([]);
          const first = rows.flatMap((row) =>
            row.kind === 'row' && row.action === 'added' && row.time === from ? [row] : [],
          );
          expect(first.length).toBeGreaterThan(0);
          expect(first.filter((row) => row.since !== undefined || row.boot !== boot)).toEqual([]);
        }
      }
    }
  });

  it('has nothing of a host go on after its reboot', () => {
    const worlds = [1_500_000_000, 1_500_000_001, 1_500_000_005, 1_500_000_006].map((seed) =>
      buildWorld(seed, { ...hardships, returns: true }),
    );
    const rebooted = worlds.flatMap(({ hosts }) => hosts.filter(({ starts }) => starts > 1));
    expect(rebooted.length).toBeGreaterThan(0);
    for (const host of rebooted) {
      const [, init] = host.processes.all.filter(({ parent }) => parent === undefined) as [Process, Process];
      const before = host.processes.all.filter(({ start }) => start < init.start);
      expect(before.filter(({ exit = Infinity }) => exit > init.start)).toEqual([]);
      const open = host.sockets.all.filter(
        ({ opened, closed = Infinity }) => opened < init.start && closed > init.start,
      );
      expect(open.map(({ id }) => id)).toEqual([]);
      expect(host.bootAt(init.start)).not.toBe(host.bootAt(init.start - 1));
    }
  });

  it('gives packets of IPv4 to an IPv4 wildcard before one of both families', () => {
    const [{ own, processes, sockets }] = buildWorld(1, { losses: false, late: false, profiles: ['ebpf'] }).hosts as [
      Host,
    ];
    const [maker] = processes.all as [Process];
    for (const proto of ['tcp', 'udp'] as const) {
      const open = (v6: boolean, address: string): Socket =>
        sockets.open(maker, { proto, v6, local: { address, port: 9_999 }, listening: true, netns: own }, 0);
      const dual = open(true, '::');
      const receivers = (address: string): Socket[] => sockets.receivers(own, proto, { address, port: 9_999 });
      expect(receivers('192.0.2.10')).toEqual([dual]);
      const plain = open(false, '0.0.0.0');
      expect(receivers('192.0.2.10')).toEqual([plain]);
      expect(receivers('2001:db8::10')).toEqual([dual]);
    }
  });
});
