import { describe, expect, test } from 'vitest';
import type { Alert } from '../../src/records/alert.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import { MatchMemory } from '../../src/rules/match-memory.js';
import { RuleEngine } from '../../src/rules/rule-engine.js';
import { logSourceFor } from '../../src/rules/sigma/log-sources.js';
import { attributed } from './attributed.js';
import { parse } from './sigma/rule-text.js';

const shellRule = `
title: shell
id: rule-shell
level: high
logsource: {category: network_connection}
detection:
  a: {Image|endswith: /bash}
  condition: a`;
const portRule = `
title: port
id: rule-port
logsource: {product: zeek, service: conn}
detection:
  a: {id.resp_p: 443, vlan: 7}
  condition: a`;
const bothRule = `
title: network and host
id: rule-both
logsource: {category: network_connection}
detection:
  a: {Image|endswith: /curl, conn_state: REJ}
  condition: a`;

function engineOf(...texts: string[]): { readonly engine: RuleEngine; readonly alerts: Alert[] } {
  const alerts: Alert[] = [];
  const rules = texts.flatMap((text) =>
    parse(text).rules.map(({ about, logSource, expression }) => ({
      kind: 'sigma' as const,
      about,
      expression,
      source: logSourceFor(logSource)!,
    })),
  );
  const engine = new RuleEngine(
    { rules, problems: [] },
    { emit: (alert) => alerts.push(alert), warn: ({ message }) => expect.fail(message) },
  );
  return { engine, alerts };
}

const short = ({ rule, status, rev, side }: Alert): string => [rule.id, status, rev, side].join(' ').trim();

describe('revisions of a connection', () => {
  test('update and withdraw what an earlier run told, under the same id', () => {
    const earlier = engineOf(shellRule);
    const bash = attributed({ orig: { path: '/bin/bash' } });
    earlier.engine.connection(bash);
    const stored = JSON.parse(JSON.stringify(earlier.alerts)) as Alert[];
    const revised = (resp: { path: string } | undefined, path: string) => {
      const { engine, alerts } = engineOf(shellRule);
      engine.recall(stored);
      engine.connection(attributed({ orig: { path }, ...(resp && { resp }), rev: 5 }));
      return alerts.map(({ id, status, rev }) => [id === stored[0]!.id, status, rev]);
    };
    expect(revised(undefined, '/bin/bash')).toEqual([]);
    expect(revised({ path: '/usr/sbin/sshd' }, '/bin/bash')).toEqual([[true, 'updated', 1]]);
    expect(revised(undefined, '/usr/bin/curl')).toEqual([[true, 'withdrawn', 1]]);
  });

  test('are told once, again when what is told changes, and taken back when they no longer match', () => {
    const { engine, alerts } = engineOf(shellRule);
    const bash = attributed({ orig: { path: '/bin/bash' } });
    engine.connection(attributed({}));
    engine.connection(bash);
    engine.connection({ ...bash, rev: 2, cause: 'interim', connection: { ...bash.connection, orig_pkts: 99 } });
    engine.connection(attributed({ orig: { path: '/bin/bash' }, resp: { path: '/usr/sbin/sshd' }, rev: 3 }));
    engine.connection(attributed({ orig: { path: '/usr/bin/curl' }, rev: 4 }));
    engine.connection(attributed({ orig: { path: '/usr/bin/curl' }, rev: 5 }));
    engine.connection(attributed({ orig: { path: '/bin/bash' }, rev: 6 }));
    expect(alerts.map(short)).toEqual([
      'rule-shell new 0 orig',
      'rule-shell updated 1 orig',
      'rule-shell withdrawn 2 orig',
      'rule-shell updated 3 orig',
    ]);
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(1);
    expect(alerts[2]!.connection?.rev).toBe(4);
    expect(engine.counters).toMatchObject({ connections: 7, alerts: 4, forgotten: 0 });
  });

  test('of either end have alerts of their own', () => {
    const { engine, alerts } = engineOf(shellRule);
    engine.connection(attributed({ orig: { path: '/bin/bash' }, resp: { path: '/bin/bash' } }));
    engine.connection(attributed({ resp: { path: '/bin/bash' }, rev: 1 }));
    expect(alerts.map(short)).toEqual([
      'rule-shell new 0 orig',
      'rule-shell new 0 resp',
      'rule-shell updated 1 resp',
      'rule-shell withdrawn 1 orig',
    ]);
    expect(alerts.map(({ host }) => host)).toEqual(['client-1', 'server-1', 'server-1', 'client-1']);
  });

  test('of one connection do not touch alerts of another', () => {
    const { engine, alerts } = engineOf(portRule);
    engine.connection(attributed({ connection: { vlan: 7, uid: 'C1' } }));
    engine.connection(attributed({ connection: { uid: 'C2' } }));
    engine.connection(attributed({ connection: { vlan: 7, uid: 'C3' } }));
    expect(alerts.map(short)).toEqual(['rule-port new 0', 'rule-port new 0']);
    expect(alerts[0]!.id).not.toBe(alerts[1]!.id);
    expect(alerts[0]!.side).toBeUndefined();
  });
});

test('an ambiguous end matches only when every candidate does', () => {
  const { engine, alerts } = engineOf(shellRule);
  const candidates = (...paths: string[]): AttributedConnection =>
    attributed({ orig: { candidates: paths.map((path, pid) => ({ path, pid, host: `h${pid}` })) } });
  engine.connection(candidates('/bin/bash', '/bin/sh'));
  engine.connection(candidates('/bin/sh', '/bin/bash'));
  expect(alerts).toEqual([]);
  engine.connection(candidates('/bin/bash', '/usr/bin/bash'));
  expect(alerts.map(short)).toEqual(['rule-shell new 0 orig']);
  expect(alerts[0]!.host).toBeUndefined();
});

test('fields of network and host meet in one rule', () => {
  const { engine, alerts } = engineOf(bothRule);
  engine.connection(attributed({ orig: { path: '/usr/bin/curl' } }));
  engine.connection(attributed({ orig: { path: '/usr/bin/curl' }, connection: { uid: 'C2', conn_state: 'REJ' } }));
  expect(alerts.map(({ connection }) => connection?.connection.uid)).toEqual(['C2']);
});

test('alerts carry rule, time, host, connection and the rows that decided', () => {
  const { engine, alerts } = engineOf(shellRule);
  const connection = attributed({ orig: { path: '/bin/bash' } });
  const row = { kind: 'row', host: 'client-1', stream: 'socket_events', table: 'socket_events' } as never;
  engine.connection({ ...connection, orig: { ...connection.orig, evidence: [row] } as never });
  expect(alerts).toHaveLength(1);
  expect(alerts[0]).toMatchObject({
    status: 'new',
    rev: 0,
    time: connection.connection.ts,
    title: 'shell',
    rule: { id: 'rule-shell', level: 'high', title: 'shell' },
    host: 'client-1',
    side: 'orig',
    evidence: [{ stream: 'socket_events', row }],
  });
  expect(alerts[0]!.id).toMatch(/^[0-9a-f]{32}$/);
});

test('two runs over the same input give the same alerts', () => {
  const run = (): string => {
    const { engine, alerts } = engineOf(shellRule, portRule, bothRule);
    for (let i = 0; i < 5; i++) {
      engine.connection(attributed({ connection: { uid: `C${i}`, vlan: 7 }, orig: { path: '/bin/bash' } }));
    }
    engine.end();
    return JSON.stringify(alerts);
  };
  expect(run()).toBe(run());
  expect(JSON.parse(run())).toHaveLength(10);
});

test('what was told is forgotten at the bound, the longest untouched first, and counted', () => {
  const memory = new MatchMemory(2);
  const tell = (uid: string): string | undefined => {
    const connection = attributed({ connection: { uid } });
    const rule = { id: 'r', title: 't', level: 'low' as const };
    return memory.tell(uid, { rule, group: 'g', title: 't', time: 1, connection, evidence: [] })?.status;
  };
  expect([tell('C1'), tell('C2'), tell('C1'), tell('C3'), tell('C1'), tell('C2')]).toEqual([
    'new',
    'new',
    undefined,
    'new',
    undefined,
    'new',
  ]);
  expect(memory.forgotten).toBe(2);
});
