import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Micros } from '../../src/core/time.js';
import { Join } from '../../src/join/attribution.js';
import { LateWatch } from '../../src/join/late-watch.js';
import { reference } from '../../src/join/reference.js';
import { isSameEnd } from '../../src/join/same-end.js';
import { revisePast } from '../../src/pipeline/late-pass.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { AnyTableRow, HostRow } from '../../src/records/host-row.js';
import { type HostTable, hostTables } from '../../src/records/host-tables.js';
import { columnsOf } from '../../src/store/column.js';
import { connectionLines, type StoredLine } from '../../src/store/connection-lines.js';
import { hostControl, hostRowTables, watermarks } from '../../src/store/host-rows.js';
import { Store } from '../../src/store/store.js';
import { agrees, referenceInWords } from '../join/world/agreement.js';
import { lastLines, type Run, runLive, shownEnd } from '../join/world/engine.js';
import { Random } from '../join/world/random.js';
import { type Input, liveOrder } from '../join/world/schedule.js';
import { describeLine, judge } from '../join/world/verdict.js';
import { buildWorld, genesis, type World } from '../join/world/world.js';

/**
 * The laws of the join with a store: a host whose rows come later than the lateness. `npm run worlds` sets ORACLE_COUNT; ORACLE_SEED
 * replays one world.
 */
const replay = process.env.ORACLE_SEED;
const count = replay === undefined ? Number(process.env.ORACLE_COUNT ?? 8) : 1;
const first = Number(replay ?? process.env.ORACLE_FROM ?? 9_000_000);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(joinPath(tmpdir(), 'correlate-late-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a run with a store does, without threads. */
class StoredRun {
  readonly lines: AttributedConnection[] = [];
  readonly #join: Join;
  readonly watch: LateWatch;
  readonly #stored: StoredLine[] = [];
  readonly #rows: HostRow[] = [];
  readonly #captureHosts = new Map<string, string>();
  #now: Micros = -Infinity;
  revised = 0;
  passes = 0;

  constructor(
    private readonly store: Store,
    private readonly world: World,
  ) {
    this.watch = new LateWatch(world.latenessUs);
    this.#join = new Join({
      latenessUs: world.latenessUs,
      attrWaitUs: 2_000_000,
      finalOnly: false,
      startsKnown: world.startsKnown,
      emit: (line) => this.#take(line),
    });
  }

  #take(line: AttributedConnection): void {
    this.lines.push(line);
    const captureHost = this.#captureHosts.get(line.capture);
    const stored = { line, run: this.store.run, told: this.#now, ...(captureHost !== undefined && { captureHost }) };
    this.#stored.push(stored);
  }

  row(row: HostRow): void {
    this.watch.row(row);
    this.#rows.push(row);
    this.#join.row(row);
  }

  async input(input: Input): Promise<void> {
    this.#now = Math.max(this.#now, input.at - this.world.captureLag);
    this.watch.advance(this.#now);
    this.#join.advance(this.#now);
    if ('row' in input) this.row(input.row);
    else if ('update' in input) {
      const { capture, captureHost } = input.update;
      if (captureHost !== undefined) this.#captureHosts.set(capture, captureHost);
      this.#join.connection(input.update);
    }
    await this.pass(false);
  }

  async end(): Promise<void> {
    this.#join.end();
    await this.pass(true);
  }

  #write(): void {
    this.store.append('connection_lines', columnsOf(connectionLines, this.#stored.splice(0)));
    const rows = this.#rows.splice(0);
    for (const table of Object.keys(hostTables) as HostTable[]) {
      const ours = rows.filter((row): row is AnyTableRow => row.kind === 'row' && row.table === table);
      this.store.append(table, columnsOf(hostRowTables[table], ours));
    }
    this.store.append(
      'watermarks',
      columnsOf(
        watermarks,
        rows.filter((row) => row.kind === 'complete'),
      ),
    );
    const facts = rows.filter((row) => row.kind !== 'row' && row.kind !== 'complete');
    this.store.append('host_control', columnsOf(hostControl, facts));
    this.store.flush();
  }

  async pass(isEnd: boolean): Promise<void> {
    const hosts = this.watch.take(isEnd);
    if (hosts.length === 0) return;
    this.passes++;
    this.#write();
    const until = isEnd ? Infinity : this.#now - this.world.latenessUs;
    await revisePast(this.store, hosts, until, async (revisions) => {
      this.revised += revisions.length;
      this.lines.push(...revisions.map(({ line }) => line));
    });
  }
}

/**
 * The world with one host cut off until after the lateness of all that happened. Its rows then come at once, or spread over a time in which
 * several passes look at what has come so far.
 */
function lateInputs(world: World, random: Random): { inputs: Input[]; host: string } {
  const host = random.pick(world.hosts.filter(({ id }) => world.profiles.get(id) !== 'none')).id;
  const back = world.endAt + world.latenessUs + 20_000_000;
  const pace = random.pick([0.01, 3, 10]);
  const inputs = liveOrder(world).map((input): Input => {
    if (!('row' in input) || input.row.host !== host) return input;
    return { ...input, at: back + Math.floor((input.at - genesis) * pace) };
  });
  for (let at = world.endAt; at < back + 300_000_000; at += 1_000_000) inputs.push({ at });
  return { inputs: inputs.sort((a, b) => a.at - b.at), host };
}

function last(lines: readonly AttributedConnection[]): AttributedConnection[] {
  return lastLines({ lines } as Run);
}

describe('the join with a store', () => {
  it('law 3, late: equals the plain reference when a host reports beyond the lateness, and names no wrong owner on the way', async () => {
    const figures = { worlds: 0, lateRows: 0, revised: 0, passes: 0, ends: 0 };
    const broken: string[] = [];
    for (let seed = first; seed < first + count && broken.length < 10; seed++) {
      const world = buildWorld(seed, { losses: true, late: true, profiles: ['ebpf', 'ebpf', 'audit', 'poll'] });
      const store = await Store.open(joinPath(folder, `${seed}.db`));
      const run = new StoredRun(store, world);
      const { inputs, host } = lateInputs(world, new Random(seed));
      for (const input of inputs) await run.input(input);
      await run.end();
      store.close();
      figures.worlds++;
      figures.lateRows += run.watch.rows;
      figures.revised += run.revised;
      figures.passes += run.passes;
      const expected = reference(
        world.emissions.map(({ update }) => update),
        world.deliveries.map(({ row }) => row),
      );
      for (const line of last(run.lines)) {
        const ends = expected.get(line.connection.uid)!;
        for (const side of ['orig', 'resp'] as const) {
          figures.ends++;
          if (agrees(line[side], ends[side])) continue;
          broken.push(
            `ORACLE_SEED=${seed} (${host} late): the reference says ${side} ${referenceInWords(ends[side])}\n  ${describeLine(line, world)}`,
          );
        }
      }
      for (const line of run.lines) {
        const { orig, resp } = judge(line, world);
        if (orig === 'wrong' || resp === 'wrong')
          broken.push(`ORACLE_SEED=${seed}: wrong owner\n  ${describeLine(line, world)}`);
      }
      const revs = new Map<string, number>();
      for (const {
        connection: { uid },
        rev,
      } of run.lines) {
        if (rev !== (revs.get(uid) ?? -1) + 1) broken.push(`ORACLE_SEED=${seed}: rev ${rev} of ${uid}`);
        revs.set(uid, rev);
      }
      const inTime = last(runLive(world).lines);
      for (const [i, line] of last(run.lines).entries()) {
        const other = inTime[i]!;
        expect(line.connection.uid).toBe(other.connection.uid);
        for (const side of ['orig', 'resp'] as const) {
          if (isSameEnd(shownEnd(line[side]), shownEnd(other[side]))) continue;
          const meant = JSON.stringify(shownEnd(other[side]));
          broken.push(`ORACLE_SEED=${seed} (${host} late): in time ${side} ${meant}\n  ${describeLine(line, world)}`);
        }
      }
    }
    console.log(`law 3, late, seeds from ${first}: ${JSON.stringify(figures)}`);
    if (broken.length > 0) throw new Error(broken.join('\n'));
    expect(figures.revised).toBeGreaterThan(0);
    expect(figures.lateRows).toBeGreaterThan(0);
  });
});
