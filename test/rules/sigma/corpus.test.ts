import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RuleEngine } from '../../../src/rules/rule-engine.js';
import { ProblemList, type RuleProblem } from '../../../src/rules/rule-problem.js';
import { loadRules } from '../../../src/rules/rule-set.js';
import { compile } from '../../../src/rules/sigma/compile.js';
import { logSourceFor } from '../../../src/rules/sigma/log-sources.js';
import { type ParsedRule, parseRules } from '../../../src/rules/sigma/rule-document.js';
import { attributed, type ConnectionSketch } from '../attributed.js';
import { jsonFields } from './json-event.js';

const corpus = '../shared/corpus';
const absent = !existsSync(join(corpus, 'manifest.json'));
const why = absent ? ' (skipped: the corpus is absent)' : '';

interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly path: string;
  readonly rule: string;
  readonly rule_id: string;
  readonly title: string;
  readonly level: string;
  readonly events: string;
  readonly match_count: readonly number[];
}

const entries = (kind: string): Entry[] =>
  (JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as { entries: Entry[] }).entries.filter(
    (entry) => entry.kind === kind,
  );

function read(path: string): { rules: readonly ParsedRule[]; problems: readonly RuleProblem[] } {
  const problems = new ProblemList(path);
  const { rules } = parseRules(readFileSync(join(corpus, path), 'utf8'), problems);
  return { rules, problems: problems.problems };
}

function* yamlFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(join(corpus, folder), { recursive: true, withFileTypes: true })) {
    if (entry.name.endsWith('.yml')) yield join(entry.parentPath, entry.name).slice(corpus.length + 1);
  }
}

/** What a Windows event log calls its parts, as Sigma's fields. */
function windowsEvent(event: Readonly<Record<string, Record<string, unknown>>>): object {
  const system = event.System ?? {};
  const data = (event.EventData ?? event.UserData ?? {}) as Record<string, unknown>;
  const provider = (system.Provider as Record<string, Record<string, unknown>>)['#attributes']?.Name;
  const id = system.EventID;
  const fields: Record<string, unknown> = {
    ...data,
    EventID: typeof id === 'object' && id !== null && '#text' in id ? id['#text'] : id,
    Channel: system.Channel,
    Computer: system.Computer,
    Provider_Name: provider,
  };
  if (data.NewProcessName !== undefined) fields.Image = data.NewProcessName;
  if (data.ParentProcessName !== undefined) fields.ParentImage = data.ParentProcessName;
  return fields;
}

function eventsOf(path: string): object[] {
  const text = readFileSync(join(corpus, path), 'utf8');
  if (!path.endsWith('.json'))
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((raw) => ({ raw }));
  // Several events stand one behind the other.
  const list = text.trim().split(/(?<=^\})\s+(?=\{)/m);
  const events = list.map((one) => JSON.parse(one) as { Event: Record<string, Record<string, unknown>> });
  return events.map(({ Event }) => windowsEvent(Event));
}

describe.skipIf(absent)(`published Sigma rules${why}`, () => {
  test('every rule is read or refused with a reason, and none is malformed', () => {
    const reasons = new Map<string, number>();
    const count = (reason: string): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    const malformed: RuleProblem[] = [];
    let rules = 0;
    for (const folder of readdirSync(join(corpus, 'sigma')).filter((name) => name.startsWith('rules'))) {
      for (const path of yamlFiles(join('sigma', folder))) {
        const { rules: found, problems } = read(path);
        for (const rule of found) {
          rules++;
          compile(rule.expression, jsonFields);
          count(logSourceFor(rule.logSource) === undefined ? 'parsed, no records of its logsource' : 'evaluated');
        }
        malformed.push(...problems.filter(({ kind }) => kind === 'malformed'));
        for (const { message } of problems) count(message);
        expect(found.length + problems.length, path).toBeGreaterThan(0);
      }
    }
    console.log('published rules:', Object.fromEntries(reasons));
    expect(malformed).toEqual([]);
    expect(rules).toBeGreaterThan(3_000);
  });

  test('rules have the id, title and level that the manifest states', () => {
    for (const entry of entries('sigma-rule')) {
      const { rules, problems } = read(entry.path);
      const found = rules.map(({ about }) => about)[0];
      if (found === undefined) {
        expect(problems.map(({ kind }) => kind)).toContain('unsupported');
        continue;
      }
      expect({ id: found.id, title: found.title, level: found.level }).toEqual({
        id: entry.rule_id,
        title: entry.title,
        level: entry.level,
      });
    }
  });

  test('every real event fires the rule that was written for it, and no rule throws on any', () => {
    const cases = entries('sigma-regression');
    const compiled = cases.map(({ rule }) => read(rule).rules.map(({ expression }) => compile(expression, jsonFields)));
    for (const [i, entry] of cases.entries()) {
      const events = eventsOf(entry.events);
      const hits = events.filter((event) => compiled[i]!.some((matches) => matches(event))).length;
      expect(hits, entry.id).toBeGreaterThanOrEqual(entry.match_count[0] ?? 1);
      for (const event of events) for (const matchers of compiled) for (const matches of matchers) matches(event);
    }
    expect(cases.length).toBeGreaterThan(80);
  });

  test('the abolished aggregations and correlations are refused with a reason', () => {
    for (const path of yamlFiles('sigma/legacy_aggregation')) {
      const { rules, problems } = read(path);
      expect(rules, path).toEqual([]);
      expect(problems.map(({ message }) => message).join(), path).toContain('correlation took its place');
    }
    const correlations = entries('sigma-correlation-example').filter(
      ({ path }) => readFileSync(join(corpus, path), 'utf8').match(/^correlation:/m) !== null,
    );
    expect(correlations.length).toBeGreaterThan(5);
    for (const { path } of correlations) {
      expect(
        read(path).problems.map(({ message }) => message),
        path,
      ).toContain('correlation rules are not evaluated');
    }
  });

  test('network_connection rules are evaluated on attributed ends, those for Windows too', async () => {
    const folders = ['windows', 'linux'].map((system) => join(corpus, 'sigma/rules', system, 'network_connection'));
    const ruleSet = await loadRules(folders);
    const told = (sketch: ConnectionSketch): string[] => {
      const titles: string[] = [];
      const engine = new RuleEngine(ruleSet, { emit: ({ title }) => titles.push(title), warn: () => {} });
      engine.connection(attributed(sketch));
      return titles;
    };
    expect(ruleSet.rules.length).toBeGreaterThan(15);
    expect(ruleSet.problems).toEqual([]);
    expect(told({ orig: { path: '/usr/bin/bash' } })).toEqual(['Linux Reverse Shell Indicator']);
    expect(told({ orig: { path: '/usr/bin/bash' }, connection: { 'id.resp_h': '127.0.0.1' } })).toEqual([]);
    expect(told({ orig: { path: 'C:\\Windows\\System32\\regsvr32.exe' } })).toContain(
      'Network Connection Initiated By Regsvr32.EXE',
    );
    expect(told({ orig: { path: '/usr/bin/curl' }, resp: { path: '/usr/sbin/nginx' } })).toEqual([]);
  });
});
