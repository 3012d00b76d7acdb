import { expect, test } from 'vitest';
import type { Warning } from '../../src/core/warnings.js';
import type { Alert } from '../../src/records/alert.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import { RuleEngine } from '../../src/rules/rule-engine.js';
import { loadRules } from '../../src/rules/rule-set.js';
import { attributed, type OwnerSketch } from './attributed.js';

async function alertsOf(...connections: AttributedConnection[]): Promise<Alert[]> {
  const alerts: Alert[] = [];
  const warnings: Warning[] = [];
  const ruleSet = await loadRules(['rules/ssh-hop.ts']);
  expect(ruleSet.problems).toEqual([]);
  const engine = new RuleEngine(ruleSet, {
    emit: (alert) => alerts.push(alert),
    warn: (warning) => warnings.push(warning),
  });
  for (const connection of connections) engine.connection(connection);
  engine.end();
  expect(warnings).toEqual([]);
  return alerts;
}

function connection(uid: string, owner: OwnerSketch, ancestors: readonly number[], port: number): AttributedConnection {
  const made = attributed({ connection: { uid, 'id.resp_p': port }, orig: { user: 'alice', ...owner } });
  if (made.orig.state !== 'attributed') return made;
  const process = { ...made.orig.process, ancestors: ancestors.map((pid) => ({ pid })) };
  return { ...made, orig: { ...made.orig, process } };
}

const control = connection('Cshell', { path: '/usr/bin/bash', pid: 50 }, [40, 1], 4444);
const hop = connection('Cssh', { path: '/usr/bin/ssh', pid: 60 }, [55, 50, 1], 22);

test('tells the hop, whichever connection is told first', async () => {
  for (const order of [
    [control, hop],
    [hop, control],
  ]) {
    const alerts = await alertsOf(...order);
    expect(
      alerts.map(({ title, status, side, host, connection: about }) => [
        title,
        status,
        side,
        host,
        about?.connection.uid,
      ]),
    ).toEqual([
      [
        'ssh from client-1 to 198.51.100.7 as alice, under a shell held by 198.51.100.7 port 4444',
        'new',
        'orig',
        'client-1',
        'Cssh',
      ],
    ]);
  }
});

test('tells each hop once, however often its lines come', async () => {
  const second = connection('Cssh2', { path: '/usr/bin/ssh', pid: 61 }, [50], 22);
  const alerts = await alertsOf(hop, control, { ...hop, rev: 1 }, second, { ...control, rev: 1 });
  expect(alerts.map(({ connection: about, status }) => [about?.connection.uid, status])).toEqual([
    ['Cssh', 'new'],
    ['Cssh2', 'new'],
  ]);
});

test('says nothing of ssh elsewhere', async () => {
  const shellOfUser = connection('C1', { path: '/usr/bin/ssh', pid: 60 }, [70, 1], 22);
  const otherHost = connection('C2', { path: '/usr/bin/ssh', pid: 60, host: 'client-2' }, [50], 22);
  const curl = connection('C3', { path: '/usr/bin/curl', pid: 60 }, [50], 443);
  expect(await alertsOf(control, shellOfUser, otherHost, curl)).toEqual([]);
});
