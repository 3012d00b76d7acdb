import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Warning } from '../../../src/core/warnings.js';
import type { Alert } from '../../../src/records/alert.js';
import type { AnyTableRow, HostRow } from '../../../src/records/host-row.js';
import type { HostTable } from '../../../src/records/host-tables.js';
import { RuleEngine } from '../../../src/rules/rule-engine.js';
import { loadRules, type RuleSet } from '../../../src/rules/rule-set.js';

/** A folder of rule files far from the program's own. */
export class RuleFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'correlate-rules-'));

  write(name: string, text: string | Uint8Array): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  load(...names: string[]): Promise<RuleSet> {
    return loadRules(names.length === 0 ? [this.path] : names.map((name) => join(this.path, name)));
  }

  /** An engine over these script texts; the test fails when one does not load. */
  async start(...texts: string[]): Promise<RunningEngine> {
    for (const [i, text] of texts.entries()) this.write(`rule-${i}.ts`, text);
    const ruleSet = await this.load();
    if (ruleSet.problems.length > 0) throw new Error(JSON.stringify(ruleSet.problems));
    return new RunningEngine(ruleSet);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** An engine whose input is written in short form. */
export class RunningEngine {
  readonly alerts: Alert[] = [];
  readonly warnings: Warning[] = [];
  readonly engine: RuleEngine;
  #seq = 0;

  constructor(ruleSet: RuleSet) {
    this.engine = new RuleEngine(ruleSet, {
      emit: (alert) => this.alerts.push(alert),
      warn: (warning) => this.warnings.push(warning),
    });
  }

  /** A row of a stream that is called like its table. */
  row(time: number, table: HostTable, columns: object, more: Partial<AnyTableRow> = {}): void {
    const row = {
      kind: 'row',
      host: 'h1',
      stream: table,
      table,
      action: 'added',
      time,
      resolution: 1,
      seq: this.#seq++,
    };
    this.engine.row({ ...row, columns, ...more } as HostRow);
  }

  get titles(): string[] {
    return this.alerts.map(({ title }) => title);
  }
}
