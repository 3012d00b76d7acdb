import type { AlertEvidence } from '../../records/alert.js';
import type { AttributedConnection } from '../../records/attributed-connection.js';
import type { Finding } from '../match-memory.js';
import type { SigmaRule } from '../rule.js';
import type { ConnectionEvent, LogSource } from './log-source.js';
import { RuleIndex } from './rule-index.js';

interface IndexedSource {
  readonly source: LogSource;
  readonly rules: readonly SigmaRule[];
  readonly index: RuleIndex<ConnectionEvent>;
}

/** Evaluates the Sigma rules on attributed connections. */
export class SigmaRules {
  readonly #sources: IndexedSource[];

  constructor(rules: readonly SigmaRule[]) {
    this.#sources = [...new Set(rules.map(({ source }) => source))].map((source) => {
      const own = rules.filter((rule) => rule.source === source);
      const expressions = own.map(({ expression }) => expression);
      return { source, rules: own, index: new RuleIndex(expressions, source, source.indexed) };
    });
  }

  /** Every match of a connection, as it is known now. */
  findings(attributed: AttributedConnection): Finding[] {
    const findings: Finding[] = [];
    for (const { source, rules, index } of this.#sources) {
      for (const group of source.groups(attributed)) {
        const [first, ...others] = group;
        if (first === undefined) continue;
        for (const number of index.matching(first)) {
          if (others.every((event) => index.matches(number, event))) {
            findings.push(findingOf(rules[number]!, attributed, group));
          }
        }
      }
    }
    return findings;
  }
}

function findingOf({ about }: SigmaRule, connection: AttributedConnection, group: readonly ConnectionEvent[]): Finding {
  const { side } = group[0]!;
  const host = commonHost(group);
  return {
    rule: about,
    group: side ?? 'connection',
    title: about.title,
    time: connection.connection.ts,
    connection,
    evidence: group.flatMap(({ owner }) =>
      (owner?.evidence ?? []).map((row): AlertEvidence => ({ stream: row.stream, row })),
    ),
    ...(side === undefined ? {} : { side }),
    ...(host === undefined ? {} : { host }),
  };
}

function commonHost(group: readonly ConnectionEvent[]): string | undefined {
  const hosts = new Set(group.map(({ owner }) => owner?.host.id));
  return hosts.size === 1 ? [...hosts][0] : undefined;
}
