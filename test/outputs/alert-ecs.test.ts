import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ecsAlertLine } from '../../src/outputs/alert-ecs.js';
import type { Alert } from '../../src/records/alert.js';
import { attributed } from './attributed-example.js';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/schemas/ecs-alert.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: false }).compile(schema);

const rule = {
  id: 'r1',
  title: 'Shell connects out',
  level: 'high',
  tags: ['attack.execution', 'attack.t1059.004'],
} as const;
const onConnection: Alert = {
  id: 'a1',
  status: 'new',
  rev: 0,
  time: 1_700_000_000_000_123,
  rule,
  title: 'Shell connects out',
  side: 'orig',
  connection: attributed(),
  evidence: [
    {
      stream: 'socket_events',
      row: {
        kind: 'row',
        host: 'desk-1',
        stream: 'socket_events',
        table: 'socket_events',
        action: 'event',
        time: 1_700_000_000_000_000,
        resolution: 1_000_000,
        seq: 1,
        columns: { pid: 123, action: 'connect' },
      },
    },
  ],
};
const onHost: Alert = {
  id: 'a2',
  status: 'new',
  rev: 0,
  time: 1_700_000_000_000_123,
  rule: { ...rule, tags: [] },
  title: 'alice is running nginx on port 80',
  host: 'web-1',
  evidence: [{ stream: 'new-server-app', row: { username: 'alice', port: 80 } }],
};

describe('ECS alerts', () => {
  it.each([
    ['over a connection', onConnection],
    ['over host rows', onHost],
  ])('follow the published schema %s', (_name, alert) => {
    const line = JSON.parse(ecsAlertLine(alert)) as unknown;
    expect(validate(line), JSON.stringify(validate.errors)).toBe(true);
  });

  it('put the owner of the end that the rule is about into process, user and host, and the other into peer', () => {
    expect(JSON.parse(ecsAlertLine(onConnection))).toMatchObject({
      '@timestamp': '2023-11-14T22:13:20.000123Z',
      event: { kind: 'alert', id: 'a1', severity: 70 },
      threat: { technique: { id: ['T1059.004'] } },
      host: { id: 'desk-1', ip: ['192.0.2.10'] },
      process: { pid: 123, executable: '/usr/bin/curl', parent: { pid: 99, name: 'bash' } },
      user: { id: '1000', name: 'alice' },
      source: { ip: '192.0.2.10', port: 43122 },
      network: { community_id: '1:example', transport: 'tcp', type: 'ipv4' },
      correlate: {
        status: 'new',
        side: 'orig',
        peer: { state: 'unattributed', reason: 'no_agent' },
        connection: { uid: 'CeXample00000001', ts: 1700000000.000123 },
        evidence: [{ stream: 'socket_events', row: { pid: 123, action: 'connect' } }],
      },
    });
  });

  it('name the host of an alert over host rows and carry no empty parts', () => {
    const line = JSON.parse(ecsAlertLine(onHost)) as Record<string, unknown>;
    expect(line).toMatchObject({ host: { id: 'web-1' }, correlate: { evidence: [{ row: { port: 80 } }] } });
    for (const key of ['process', 'user', 'source', 'network', 'threat']) expect(line).not.toHaveProperty(key);
  });
});
