import type { HistogramValue, Metric, Sample } from '../core/metric.js';

/** Content type of the text that `exposition` gives. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Metrics in Prometheus' text format 0.0.4. */
export function exposition(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  for (const { name, help, type, samples } of metrics) {
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`);
    for (const sample of samples) writeSample(name, sample, lines);
  }
  return `${lines.join('\n')}\n`;
}

function writeSample(name: string, { labels = {}, value }: Sample, lines: string[]): void {
  if (typeof value === 'number') lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
  else writeHistogram(name, labels, value, lines);
}

/** Buckets of the text are cumulative. */
function writeHistogram(
  name: string,
  labels: Readonly<Record<string, string>>,
  { bounds, counts, sum }: HistogramValue,
  lines: string[],
): void {
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    below += count;
    const le = numberText(bounds[bucket] ?? Infinity);
    lines.push(`${name}_bucket${labelText({ ...labels, le })} ${below}`);
  }
  lines.push(`${name}_sum${labelText(labels)} ${numberText(sum)}`, `${name}_count${labelText(labels)} ${below}`);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  // To Prometheus an empty label is an absent one.
  for (const [label, value] of Object.entries(labels)) if (value !== '') parts.push(`${label}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
