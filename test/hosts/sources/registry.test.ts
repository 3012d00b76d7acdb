import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorrelateError } from '../../../src/core/errors.js';
import { isJsonObject } from '../../../src/hosts/sources/host-source.js';
import { hostSources } from '../../../src/hosts/sources/registry.js';

/** A line that each source must know, by the source's name. A new source adds its own. */
const samples: Readonly<Record<string, object>> = {
  recording: { correlate_recording: 1 },
  'osquery result log': { name: 'users', hostIdentifier: 'x', unixTime: 1, columns: { uid: '1' }, action: 'added' },
};

const object = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'kind', 'name', 'columns')),
  fc.jsonValue(),
);

describe.each(hostSources)('the host source "$name"', (source) => {
  it('knows its own line, and no other source does', () => {
    const sample = samples[source.name];
    expect(isJsonObject(sample)).toBe(true);
    const knowing = hostSources.filter((each) => each.recognises({ ...sample }));
    expect(knowing.map(({ name }) => name)).toEqual([source.name]);
  });

  it('takes any object without failing, and says why a line is bad', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 10 }), (lines) => {
        const log = source.open('x', () => {});
        for (const written of lines) {
          const line: unknown = JSON.parse(JSON.stringify(written));
          if (!isJsonObject(line)) continue;
          source.recognises(line);
          const verdict = log.accept(line, 10);
          const told = verdict === undefined || 'unused' in verdict ? undefined : verdict.bad;
          expect(told).not.toBe('');
          for (const batch of log.ready()) expect(batch.length).toBeGreaterThan(0);
        }
        for (const batch of log.end()) expect(batch.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });

  it('gives no rows for a log that ends at once', () => {
    const log = source.open('x', (warning) => expect.fail(warning.message));
    expect([...log.end()]).toEqual([]);
  });

  it('fails only with an error of the program', () => {
    const log = source.open('x', () => {});
    try {
      log.accept({ correlate_recording: 99 }, 10);
    } catch (error) {
      expect(error).toBeInstanceOf(CorrelateError);
    }
  });
});
