import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import type { Explained } from '../../src/join/explain.js';
import { explanationObject, explanationText } from '../../src/outputs/explanation.js';
import { explainFiles } from '../../src/pipeline/explain-files.js';
import type { Connection } from '../../src/records/connection.js';

const sample = (name: string, file: string) => fileURLToPath(new URL(`../../samples/${name}/${file}`, import.meta.url));

async function explainSample(name: string, wants: (connection: Connection) => boolean): Promise<readonly Explained[]> {
  const { explained, others } = await explainFiles(
    {
      files: [sample(name, 'traffic.pcap')],
      hostLogs: [sample(name, 'host.log')],
      checksums: 'verify',
      latenessUs: 600 * SECOND,
      wants,
    },
    () => {},
  );
  expect(others).toBe(0);
  return explained;
}

describe('explanations over files', () => {
  it.each(['desktop', 'intrusion'])('say of every connection what its line says: %s', async (name) => {
    const explained = await explainSample(name, () => true);
    expect(explained.length).toBeGreaterThan(3);
    for (const { attributed, explanation } of explained) {
      for (const role of ['orig', 'resp'] as const) {
        expect([role, explanation[role].end]).toEqual([role, attributed[role]]);
        if (attributed[role].state !== 'attributed') continue;
        const { method, process } = attributed[role];
        const taken = explanation[role].tried.filter(({ lost }) => lost === undefined);
        expect(new Set(taken.map(({ pid }) => pid))).toEqual(new Set([process.pid]));
        expect(taken.map((socket) => socket.method)).toContain(method);
      }
    }
  });

  it('hold candidates with their rows, intervals and ranks, and why others lost', async () => {
    const explained = await explainSample('intrusion', ({ 'id.resp_p': port }) => port === 22);
    const [first] = explained;
    const line = explanationObject(first!.attributed, first!.explanation);
    expect(line).toMatchObject({
      'id.resp_p': 22,
      resp: {
        state: 'attributed',
        clocks: [{ host: 'web-1', measured: true }],
        tried: expect.arrayContaining([
          expect.objectContaining({
            host: 'web-1',
            method: 'listening_port',
            open_hi: expect.any(Number),
            rows: expect.any(Array),
          }),
        ]) as unknown,
      },
    });
    const text = explanationText(first!.attributed, first!.explanation);
    expect(text).toContain('originator: ssh[');
    expect(text).toContain('clock of web-1: ');
    expect(text).toMatch(/pid \d+ on desk-1: rank 0 \(socket_event\), certain: taken/);
  });
});
