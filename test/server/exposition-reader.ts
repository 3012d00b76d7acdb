/** A sample as the text of an exposition gives it. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: ReadSample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/;
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const match = labelPair.exec(rest);
    if (match === null) throw new Error(`not labels: ${text}`);
    const [all, name, value] = match as unknown as [string, string, string];
    if (name in labels) throw new Error(`label ${name} twice: ${text}`);
    if (value === '') throw new Error(`label ${name} is empty, which is the same as absent: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(all.length);
  }
  return labels;
}

function readNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}

/**
 * Reads Prometheus' text format 0.0.4 and throws at whatever does not fit it: families with HELP and TYPE before their samples and in one
 * piece, known types, names, escapes, no sample twice, histograms that grow, end at +Inf and agree with their count.
 */
export function readExposition(text: string): Map<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, ReadFamily>();
  const seen = new Set<string>();
  let name = '';
  let help: string | undefined;
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      if (families.has(comment[2]!)) throw new Error(`${comment[2]} is in two pieces`);
      [name, help, family] = [comment[2]!, comment[3]!, undefined];
    } else if (comment?.[1] === 'TYPE') {
      if (comment[2] !== name || help === undefined || family !== undefined)
        throw new Error(`TYPE out of place: ${line}`);
      if (!(comment[3]! in suffixes)) throw new Error(`unknown type: ${line}`);
      family = { help, type: comment[3]!, samples: [] };
      families.set(name, family);
    } else {
      const match = sampleLine.exec(line);
      if (match === null || family === undefined) throw new Error(`not a sample: ${line}`);
      const sample = { name: match[1]!, labels: readLabels(match[2] ?? ''), value: readNumber(match[3]!) };
      if (!suffixes[family.type]!.some((suffix) => sample.name === name + suffix))
        throw new Error(`not of ${name}: ${line}`);
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const [of, { type, samples }] of families) if (type === 'histogram') checkHistogram(of, samples);
  return families;
}

function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const [bounds, counts] = [buckets.map(({ labels }) => readNumber(labels.le!)), buckets.map(({ value }) => value)];
  const grows = (values: readonly number[], least: number): boolean =>
    values.every((value, i) => i === 0 || value - values[i - 1]! >= least || value === Infinity);
  const count = samples.find((sample) => sample.name === `${name}_count`)?.value;
  if (bounds.at(-1) !== Infinity || !grows(bounds, Number.MIN_VALUE) || !grows(counts, 0) || counts.at(-1) !== count) {
    throw new Error(`${name} is no histogram`);
  }
}
