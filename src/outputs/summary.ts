import type { CaptureStats } from '../capture/packet-source.js';
import { limits } from '../core/limits.js';
import { formatSeconds, type Micros } from '../core/time.js';
import { type AttributedConnection, type End, type Reason, reasons } from '../records/attributed-connection.js';

type Outcome = 'attributed' | 'ambiguous' | 'pending' | Reason;
const outcomes: readonly Outcome[] = ['attributed', 'ambiguous', 'pending', ...reasons];

const noneOfEach = () => Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>;

const outcomeOf = (end: End): Outcome => (end.state === 'unattributed' ? end.reason : end.state);

/** How many ends have an owner, and why the others have none; every connection counts once, by its last line. */
export class Coverage {
  readonly #counts = { orig: noneOfEach(), resp: noneOfEach() };
  readonly #open = new Map<string, readonly [Outcome, Outcome]>();
  connections = 0;

  /** `last`: no further line of this uid can follow (offline, final-only), so nothing is remembered of it. */
  line(attributed: AttributedConnection, last: boolean): void {
    const { uid } = attributed.connection;
    const now = [outcomeOf(attributed.orig), outcomeOf(attributed.resp)] as const;
    const before = this.#open.get(uid);
    if (before === undefined) {
      if (attributed.rev > 0 && attributed.cause === 'evidence') return;
      this.connections++;
    } else {
      this.#add(before, -1);
    }
    this.#add(now, 1);
    if (last) this.#open.delete(uid);
    else this.#remember(uid, now);
  }

  #remember(uid: string, now: readonly [Outcome, Outcome]): void {
    this.#open.delete(uid);
    this.#open.set(uid, now);
    // A revision of something forgotten is not counted again; what it counted as stays.
    if (this.#open.size > limits.coverageConnections) this.#open.delete(this.#open.keys().next().value!);
  }

  #add([orig, resp]: readonly [Outcome, Outcome], by: number): void {
    this.#counts.orig[orig] += by;
    this.#counts.resp[resp] += by;
  }

  count(side: 'orig' | 'resp', outcome: Outcome): number {
    return this.#counts[side][outcome];
  }

  /** `originators: 12 attributed, 3 no_agent` */
  text(side: 'orig' | 'resp'): string {
    const parts = outcomes.filter((o) => this.count(side, o) > 0).map((o) => `${this.count(side, o)} ${o}`);
    return parts.length > 0 ? parts.join(', ') : 'none';
  }
}

/** What a run did, in numbers. */
export interface RunSummary {
  readonly capture: CaptureStats;
  readonly packetsSkipped: number;
  readonly weirds: Readonly<Record<string, number>>;
  readonly connectionsEvicted: number;
  readonly hostRows: number;
  readonly coverage: Coverage;
  readonly alerts: number;
  readonly ruleProblems: number;
  /** Losses by name, each counted where it happened. */
  readonly losses: Readonly<Record<string, number>>;
  /** Time between first and last packet, and time that the run took (absent where no clock may be read). */
  readonly elapsedUs: Micros;
}

/** The summary as lines for a person. */
export function summaryText(summary: RunSummary): string {
  const { capture, coverage } = summary;
  const drops = capture.kernelDrops + capture.interfaceDrops + capture.engineDrops;
  const weirds = Object.entries(summary.weirds).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const losses = Object.entries(summary.losses).filter(([, count]) => count > 0);
  const lines = [
    `packets       ${capture.packets} (${capture.bytes} bytes), ${summary.packetsSkipped} without a connection, ${drops} dropped` +
      (drops > 0
        ? ` (kernel ${capture.kernelDrops}, interface ${capture.interfaceDrops}, engine ${capture.engineDrops})`
        : ''),
    `connections   ${coverage.connections}`,
    `originators   ${coverage.text('orig')}`,
    `responders    ${coverage.text('resp')}`,
    `host rows     ${summary.hostRows}`,
    `alerts        ${summary.alerts}`,
    `time          ${formatSeconds(summary.elapsedUs).slice(0, -3)} s`,
  ];
  if (summary.connectionsEvicted > 0) lines.push(`evicted       ${summary.connectionsEvicted} connections`);
  if (summary.ruleProblems > 0) lines.push(`rules refused ${summary.ruleProblems}`);
  if (weirds.length > 0) lines.push(`weird         ${weirds.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  if (losses.length > 0) lines.push(`lost          ${losses.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  return lines.join('\n');
}
