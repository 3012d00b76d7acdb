/**
 * What a program counts, as plain data for whoever shows it. Names, units and labels follow the conventions of Prometheus: base units
 * in the name, `_total` on counters. Made from counters that the stages keep anyway, at the moment it is asked for.
 */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Absent: none. A label that does not apply is left out. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | HistogramValue;
}

/** Observations in buckets; the last bucket has no bound. */
export interface HistogramValue {
  /** Upper bounds, inclusive, growing. */
  readonly bounds: readonly number[];
  /** Observations of each bucket alone, one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A metric with one value. */
export function single(type: 'counter' | 'gauge', name: string, help: string, value: number): Metric {
  return { name, help, type, samples: [{ value }] };
}

/** A metric with one value for each key of `values`, which becomes the label `label`. */
export function byLabel(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
): Metric {
  const samples = Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return { name, help, type, samples };
}
