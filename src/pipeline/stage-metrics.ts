import { byLabel, type Metric, single } from '../core/metric.js';
import type { Join } from '../join/attribution.js';
import type { JoinStats } from '../join/join-stats.js';
import type { Unwatched } from '../join/unwatched.js';
import type { AttributionDelays } from '../outputs/attribution-delays.js';
import type { RuleCounters } from '../rules/rule-engine.js';
import type { Live } from './live.js';
import type { LiveStats } from './live-messages.js';
import type { Outputs } from './outputs.js';
import type { Rules } from './rules.js';
import type { RunMetrics } from './run-metrics.js';

/** The stages from the join on. */
interface Stages {
  readonly join: Join | Unwatched;
  readonly rules: Rules | undefined;
  readonly outputs: Outputs;
  readonly delays: AttributionDelays | undefined;
  readonly hostRows: () => number;
  /** What was given up at a bound, by name, output lines apart. */
  readonly losses: () => Readonly<Record<string, number>>;
}

/** Shows what the stages from the join on count. */
export function registerMetrics(metrics: RunMetrics, stages: Stages): void {
  const { join, rules, outputs, delays, hostRows, losses } = stages;
  metrics.add(() => outputMetrics(outputs));
  if (delays !== undefined) metrics.add(() => delays.metrics());
  metrics.add(() => [single('counter', 'correlate_host_rows_total', 'Rows of all hosts taken.', hostRows())]);
  if ('stats' in join) metrics.add(() => joinMetrics(join.stats));
  if (rules !== undefined) metrics.add(() => ruleMetrics(rules.engine.counters, rules.problems));
  metrics.add(() => lossMetrics({ 'output lines': outputs.linesLost, ...losses() }));
}

/** A capture thread that has not reported for this long hangs. */
const SILENT_MS = 5_000;

/** Shows what a live capture counts. */
export function registerCapture(metrics: RunMetrics, live: Live): void {
  metrics.add(() => (live.stats === undefined ? [] : networkMetrics(live.stats)));
  metrics.check(() => {
    const silent = live.captureSilence ?? 0;
    return silent > SILENT_MS ? `the capture has not reported for ${Math.round(silent / 1000)} s` : undefined;
  });
}

/** Capture, decoding and connections. */
function networkMetrics({ capture, tracker, updatesDropped, updatesWaiting }: LiveStats): Metric[] {
  const drops = { kernel: capture.kernelDrops, interface: capture.interfaceDrops, engine: capture.engineDrops };
  const evicted = { attempt: tracker.evictedAttempts, other: tracker.evictedOthers };
  return [
    single('counter', 'correlate_capture_packets_total', 'Packets captured.', capture.packets),
    single('counter', 'correlate_capture_bytes_total', 'Bytes captured.', capture.bytes),
    byLabel(
      'counter',
      'correlate_capture_dropped_packets_total',
      'Packets lost before they were read.',
      'where',
      drops,
    ),
    single('counter', 'correlate_decode_packets_total', 'Packets decoded.', tracker.packets),
    single(
      'counter',
      'correlate_decode_skipped_packets_total',
      'Packets that belong to no connection.',
      tracker.skipped,
    ),
    byLabel('counter', 'correlate_weirds_total', "Odd packets by Zeek's names.", 'name', tracker.weirds),
    single('counter', 'correlate_tracked_connections_total', 'Connections begun.', tracker.connections),
    single('gauge', 'correlate_open_connections', 'Connections open now.', tracker.open),
    byLabel(
      'counter',
      'correlate_evicted_connections_total',
      'Connections ended early, the table being full.',
      'kind',
      evicted,
    ),
    single(
      'counter',
      'correlate_capture_records_dropped_total',
      'Connection records lost on the way to the join.',
      updatesDropped,
    ),
    single(
      'gauge',
      'correlate_capture_records_waiting',
      'Connection records on their way to the join.',
      updatesWaiting,
    ),
  ];
}

function joinMetrics(stats: JoinStats): Metric[] {
  return [
    single('counter', 'correlate_join_connections_total', 'Connections taken by the join.', stats.connections),
    single('counter', 'correlate_join_lines_total', 'Lines told, all revisions.', stats.lines),
    single('counter', 'correlate_join_revisions_total', 'Lines that told of new evidence alone.', stats.revisions),
    single('gauge', 'correlate_join_kept_connections', 'Connections known now.', stats.kept),
    single(
      'gauge',
      'correlate_join_unsettled_connections',
      'Connections that a row may still change.',
      stats.unsettled,
    ),
    single('counter', 'correlate_join_looks_total', 'Looks at who owns an end of a connection.', stats.looks),
    single('gauge', 'correlate_join_hosts', 'Hosts known.', stats.hosts),
    single('counter', 'correlate_join_rows_ignored_total', 'Host rows that could not be used.', stats.rowsIgnored),
  ];
}

function ruleMetrics(counters: RuleCounters, problems: number): Metric[] {
  return [
    single('counter', 'correlate_rule_connections_total', 'Lines that rules looked at.', counters.connections),
    single('counter', 'correlate_rule_rows_total', 'Host rows that rules looked at.', counters.rows),
    single('counter', 'correlate_rule_alerts_total', 'Alerts of all states: new, updated, withdrawn.', counters.alerts),
    single(
      'counter',
      'correlate_rule_event_rows_evicted_total',
      'Event rows forgotten for newer ones.',
      counters.evicted,
    ),
    single(
      'counter',
      'correlate_rule_removals_unmatched_total',
      'Removed rows that were not known.',
      counters.unmatched,
    ),
    single('gauge', 'correlate_rules_refused', 'Rules that could not be loaded.', problems),
  ];
}

function outputMetrics(outputs: Outputs): Metric[] {
  return [
    ...outputs.coverage.metrics(),
    single('counter', 'correlate_alerts_total', 'Alerts, each once.', outputs.alerts),
    single('counter', 'correlate_output_lines_total', 'Lines written to files.', outputs.linesWritten),
    single('gauge', 'correlate_output_queue_bytes', 'Bytes of lines that wait to be written.', outputs.queuedBytes),
  ];
}

/** What was given up at a bound, at any stage. */
function lossMetrics(losses: Readonly<Record<string, number>>): Metric[] {
  return [
    byLabel('counter', 'correlate_losses_total', 'What was given up at a bound, by what it was.', 'what', losses),
  ];
}
