import type { CaptureStats } from '../capture/packet-source.js';
import { formatSeconds, type Micros } from '../core/time.js';
import type { AttributionDelays } from './attribution-delays.js';
import type { Coverage } from './coverage.js';

/** What became of the lines of host logs. */
export interface HostLogFigures {
  readonly lines: number;
  readonly bad: number;
  readonly unused: number;
  readonly unusedKinds: ReadonlyMap<string, number>;
}

/** What a run did, in numbers. */
export interface RunSummary {
  readonly capture: CaptureStats;
  readonly packetsSkipped: number;
  readonly weirds: Readonly<Record<string, number>>;
  readonly connectionsEvicted: number;
  readonly hostRows: number;
  /** Lines of host logs, those that could not be read and those that tell nothing of owners, by what they are; absent without such logs. */
  readonly hostLog?: HostLogFigures;
  readonly coverage: Coverage;
  /** Absent: nothing was live. */
  readonly delays?: AttributionDelays;
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
    ...coverageLines(coverage),
    ...delayLines(summary.delays),
    `host rows     ${summary.hostRows}`,
    ...hostLogLines(summary.hostLog),
    `alerts        ${summary.alerts}`,
    `time          ${formatSeconds(summary.elapsedUs).slice(0, -3)} s`,
  ];
  if (summary.connectionsEvicted > 0) lines.push(`evicted       ${summary.connectionsEvicted} connections`);
  if (summary.ruleProblems > 0) lines.push(`rules refused ${summary.ruleProblems}`);
  if (weirds.length > 0) lines.push(`weird         ${weirds.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  if (losses.length > 0) lines.push(`lost          ${losses.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  return lines.join('\n');
}

/** Hosts shown in the summary; the metrics have them all. */
const SHOWN_HOSTS = 10;

/** The coverage in detail, where there is more than one protocol or host. */
function coverageLines(coverage: Coverage): string[] {
  const { protocols } = coverage;
  const hosts = coverage.byHost();
  const label = (text: string) => `  ${text}`.padEnd(14);
  const more = hosts.length - SHOWN_HOSTS;
  return [
    ...(protocols.length < 2 ? [] : protocols).map(
      (protocol) =>
        `${label(protocol)}originators ${coverage.text('orig', protocol)}; responders ${coverage.text('resp', protocol)}`,
    ),
    ...hosts
      .slice(0, SHOWN_HOSTS)
      .map(({ host, ends, attributed }) => `${label('host')}${host}: ${attributed} of ${ends} ends attributed`),
    ...(more > 0 ? [`${label('host')}and ${more} more`] : []),
  ];
}

/** Kinds of lines shown in the summary. */
const SHOWN_KINDS = 10;

function hostLogLines(log: HostLogFigures | undefined): string[] {
  if (log === undefined) return [];
  const kinds = [...log.unusedKinds].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const more = kinds.slice(SHOWN_KINDS).reduce((sum, [, count]) => sum + count, 0);
  const shown = kinds.slice(0, SHOWN_KINDS).map(([kind, count]) => `${count} ${kind || 'others'}`);
  if (more > 0) shown.push(`${more} others`);
  const unread = log.bad > 0 ? `, ${log.bad} could not be read` : '';
  const unused = log.unused > 0 ? `, ${log.unused} tell nothing of owners: ${shown.join(', ')}` : '';
  return [`host log      ${log.lines} lines${unread}${unused}`];
}

function delayLines(delays: AttributionDelays | undefined): string[] {
  if (delays === undefined || delays.owner.count === 0) return [];
  const { owner } = delays;
  const text = (share: number) => {
    const bound = owner.within(share)!;
    return `${share * 100} % ${bound === Infinity ? 'later' : `within ${bound} s`}`;
  };
  return [`owners named  ${text(0.5)}, ${text(0.99)} of the first packet`];
}
