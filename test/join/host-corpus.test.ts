import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Warning } from '../../src/core/warnings.js';
import { Join } from '../../src/join/attribution.js';
import { FileNetwork } from '../../src/pipeline/file-network.js';
import { readFiles } from '../../src/pipeline/offline.js';
import type { AttributedConnection, End } from '../../src/records/attributed-connection.js';

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const manifestPath = `${corpus}manifest.json`;
const isAbsent = !existsSync(manifestPath);

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly traces: readonly string[];
  readonly attribution: string;
  readonly derived_osquery_log: string;
}

interface TrueFlow {
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly proto: string;
  readonly attributions: readonly { host: string; pid: number; initiated: boolean }[];
}

const entries: Entry[] = isAbsent
  ? []
  : (JSON.parse(readFileSync(manifestPath, 'utf8')) as { entries: Entry[] }).entries.filter(
      ({ kind }) => kind === 'network-host-pair',
    );

/** Joins a case as the program does for files: rows ahead of connections, clocks measured before. */
async function joinCase(entry: Entry): Promise<AttributedConnection[]> {
  const lines: AttributedConnection[] = [];
  const warnings: Warning[] = [];
  const latenessUs = 600_000_000;
  const join = new Join({ latenessUs, attrWaitUs: 2_000_000, finalOnly: true, emit: (line) => lines.push(line) });
  const warn = (warning: Warning): void => void warnings.push(warning);
  const captures = entry.traces.map((trace) => corpus + trace);
  const network = await FileNetwork.open(captures, { checksums: 'ignore' }, warn);
  const intake = {
    connection: join.connection.bind(join),
    row: join.row.bind(join),
    advance: join.advance.bind(join),
    ready: () => Promise.resolve(),
    stopped: false,
  };
  await readFiles(network, [corpus + entry.derived_osquery_log], latenessUs, intake, { warn }, () => undefined);
  join.end();
  return lines;
}

interface Score {
  expected: number;
  right: number;
  readonly wrong: string[];
  readonly missed: Map<string, number>;
}

type Endpoints = readonly [string, number, string, number];

function isPair([a, aPort, b, bPort]: Endpoints, [c, cPort, d, dPort]: Endpoints): boolean {
  const isStraight = a === c && aPort === cPort && b === d && bPort === dPort;
  return isStraight || (a === d && aPort === dPort && b === c && bPort === cPort);
}

/** What the log tells of owners: the facts of the published events that have a row with a process id. */
function toldBy(log: string): { host: string; pid: number; ends: Endpoints }[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { hostIdentifier: string; columns: Record<string, string> })
    .filter(({ columns }) => columns.remote_port !== undefined && columns.pid !== undefined)
    .map(({ hostIdentifier: host, columns: c }) => ({
      host,
      pid: Number(c.pid),
      ends: [c.local_address!, Number(c.local_port), c.remote_address!, Number(c.remote_port)],
    }));
}

/**
 * Compares the ends of a case's connections with the hosts' own events. Expected is what the log tells of them; an owner
 * that no event confirms is wrong. A connection that two captures saw counts twice.
 */
function score(lines: readonly AttributedConnection[], flows: readonly TrueFlow[], log: string): Score {
  const told = toldBy(log);
  const out: Score = { expected: 0, right: 0, wrong: [], missed: new Map() };
  for (const line of lines) {
    const { connection: c } = line;
    const ends: Endpoints = [c['id.orig_h'], c['id.orig_p'], c['id.resp_h'], c['id.resp_p']];
    const flow = flows.find(
      (f) => f.proto === c.proto && isPair(ends, [f['id.orig_h'], f['id.orig_p'], f['id.resp_h'], f['id.resp_p']]),
    );
    const truths = flow?.attributions ?? [];
    for (const end of [line.orig, line.resp]) {
      if (end.state !== 'attributed') continue;
      const isTrue = truths.some(({ host, pid }) => host === end.host.id && pid === end.process.pid);
      if (isTrue) out.right++;
      else if (truths.length > 0) out.wrong.push(`${ends.join(' ')}: ${end.host.id} ${end.process.pid}`);
    }
    const hosts = new Map(truths.map((truth) => [`${truth.host} ${truth.pid}`, truth]));
    for (const { host, pid } of hosts.values()) {
      if (!told.some((row) => row.host === host && row.pid === pid && isPair(row.ends, ends))) continue;
      out.expected++;
      if (isFound(line.orig, host) || isFound(line.resp, host)) continue;
      const why = [line.orig, line.resp].map(reasonOf).join(' / ');
      out.missed.set(why, (out.missed.get(why) ?? 0) + 1);
    }
  }
  return out;
}

function isFound(end: End, host: string): boolean {
  return end.state === 'attributed' && end.host.id === host;
}

function reasonOf(end: End): string {
  return end.state === 'unattributed' ? end.reason : end.state;
}

describe.skipIf(isAbsent)(`captures with host logs${isAbsent ? ' (../shared/corpus is not there)' : ''}`, () => {
  it.each(entries)('names no wrong owner in $id', async (entry) => {
    const flows = JSON.parse(readFileSync(corpus + entry.attribution, 'utf8')) as TrueFlow[];
    const result = score(await joinCase(entry), flows, corpus + entry.derived_osquery_log);
    console.log(entry.id, `${result.right} of ${result.expected}`, Object.fromEntries(result.missed));
    expect(result.wrong).toEqual([]);
    // Two ends of a UDP connection whose row has local and remote the wrong way round, and two whose accept lies within the second in
    // which the log begins, so that an earlier connection may have had it while ours was accepted after the log had ended.
    const missed = [...result.missed.values()].reduce((sum, count) => sum + count, 0);
    expect(missed).toBeLessThanOrEqual(entry.id.includes('purplesharp') ? 4 : 0);
  });
});
