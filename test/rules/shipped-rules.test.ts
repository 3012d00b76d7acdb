import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Warning } from '../../src/core/warnings.js';
import type { Alert } from '../../src/records/alert.js';
import { RuleEngine } from '../../src/rules/rule-engine.js';
import { loadRules, type RuleSet } from '../../src/rules/rule-set.js';
import { attributed, type ConnectionSketch } from './attributed.js';

const folder = 'rules';
const stem = (file: string): string => basename(file).replace(/\.\w+$/, '');

interface Sample extends ConnectionSketch {
  readonly name: string;
  /** Rule file, without its ending, to the sides that it reports; nothing else may be reported. */
  readonly expect: Readonly<Record<string, readonly string[]>>;
}

let ruleSet: RuleSet;
beforeAll(async () => {
  ruleSet = await loadRules([folder]);
});

function alertsOf(sample: ConnectionSketch): Alert[] {
  const alerts: Alert[] = [];
  const warnings: Warning[] = [];
  const engine = new RuleEngine(ruleSet, {
    emit: (alert) => alerts.push(alert),
    warn: (warning) => warnings.push(warning),
  });
  engine.connection(attributed(sample));
  engine.end();
  expect(warnings).toEqual([]);
  return alerts;
}

test('every shipped rule loads, is fully described and has samples', () => {
  expect(ruleSet.problems).toEqual([]);
  const samples = readdirSync(join(folder, 'tests')).map(stem);
  for (const { kind, about } of ruleSet.rules) {
    if (kind === 'script') continue;
    expect(about.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(about.description?.length, about.file).toBeGreaterThan(40);
    expect(
      about.tags?.some((tag) => /^attack\.t\d{4}/.test(tag)),
      about.file,
    ).toBe(true);
    expect(about.references?.length, about.file).toBeGreaterThan(0);
    expect(samples).toContain(stem(about.file ?? ''));
    expect(readFileSync(about.file ?? '', 'utf8')).toContain('falsepositives:');
  }
});

for (const file of readdirSync(join(folder, 'tests')).sort()) {
  const samples = parse(readFileSync(join(folder, 'tests', file), 'utf8')) as Sample[];
  describe(`samples of ${stem(file)}`, () => {
    test('hold matches and near misses', () => {
      expect(samples.some((sample) => sample.expect[stem(file)] !== undefined)).toBe(true);
      expect(samples.some((sample) => Object.keys(sample.expect).length === 0)).toBe(true);
    });
    test.each(samples)('$name', (sample) => {
      const told: Record<string, string[]> = {};
      for (const { rule, side } of alertsOf(sample)) {
        const name = stem(rule.file ?? '');
        told[name] = [...(told[name] ?? []), side ?? 'connection'];
      }
      expect(told).toEqual(sample.expect);
    });
  });
}
