import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/core/histogram.js';
import { byLabel, single } from '../../src/core/metric.js';
import { exposition } from '../../src/server/exposition.js';
import { readExposition } from './exposition-reader.js';

describe('exposition', () => {
  it('gives every value back to a reader, with labels that hold quotes, backslashes and line ends', () => {
    const names = { plain: 1, 'a "b"\\c\nd': 2.5, '': 3 };
    const text = exposition([
      single('gauge', 'one', 'Help with a \\ and a\nline end.', -1),
      byLabel('counter', 'many_total', 'Several.', 'name', { ...names, '': 0 }),
      { name: 'none_total', help: 'Nothing yet.', type: 'counter', samples: [] },
    ]);
    const families = readExposition(text);
    expect([...families.keys()]).toEqual(['one', 'many_total', 'none_total']);
    expect(families.get('one')?.samples[0]?.value).toBe(-1);
    expect(families.get('many_total')?.samples.map(({ labels, value }) => [labels.name, value])).toEqual([
      ['plain', 1],
      ['a "b"\\c\nd', 2.5],
      [undefined, 0],
    ]);
  });

  it('writes cumulative buckets that end at infinity', () => {
    const delays = new Histogram([0.1, 0.5]);
    for (const delay of [0.05, 0.1, 0.3, 7]) delays.observe(delay);
    const text = exposition([
      { name: 'delay_seconds', help: 'Delay.', type: 'histogram', samples: [{ value: delays }] },
    ]);
    const samples = readExposition(text).get('delay_seconds')!.samples;
    expect(samples.map(({ name, labels, value }) => [name.slice(13), labels.le, value])).toEqual([
      ['_bucket', '0.1', 2],
      ['_bucket', '0.5', 3],
      ['_bucket', '+Inf', 4],
      ['_sum', undefined, 7.45],
      ['_count', undefined, 4],
    ]);
    expect([delays.within(0.5), delays.within(0.75), delays.within(1)]).toEqual([0.1, 0.5, Infinity]);
  });
});
