import { limits } from '../core/limits.js';
import type { HostRow } from '../records/host-row.js';
import { CommandLineRedaction } from '../sensor/command-line-redaction.js';

/** Takes secrets out of the command lines of rows before they leave the host, and cuts text that is too long for the wire. */
export class Redaction {
  readonly #commandLines: CommandLineRedaction;
  #cut = 0;
  #elsewhere = 0;

  /** Throws RE2JS's error for a pattern that it does not understand. */
  constructor(patterns: readonly string[] = [], useDefaults = true) {
    this.#commandLines = new CommandLineRedaction({ patterns, useDefaults });
  }

  /** Secrets taken out, and values cut at `limits.wireTextChars`. */
  get counters(): { readonly redacted: number; readonly cut: number } {
    return { redacted: this.#commandLines.redacted + this.#elsewhere, cut: this.#cut };
  }

  /** Counts secrets that were taken out of answers to queries. */
  count(redacted: number): void {
    this.#elsewhere += redacted;
  }

  /** The row as it may leave the host; the same object when nothing had to be changed. */
  row(row: HostRow): HostRow {
    if (row.kind !== 'row') return row;
    const columns: Readonly<Record<string, string | number | undefined>> = row.columns;
    let changed: Record<string, string | number | undefined> | undefined;
    for (const name in columns) {
      const value = columns[name];
      if (typeof value !== 'string') continue;
      const lawful = this.#text(name, value);
      if (lawful === value) continue;
      changed ??= { ...columns };
      changed[name] = lawful;
    }
    return changed === undefined ? row : ({ ...row, columns: changed } as HostRow);
  }

  #text(column: string, text: string): string {
    let lawful = text;
    if (lawful.length > limits.wireTextChars) {
      this.#cut++;
      lawful = lawful.slice(0, limits.wireTextChars);
    }
    return column === 'cmdline' ? this.commandLine(lawful) : lawful;
  }

  /** A command line without secrets. */
  commandLine(text: string): string {
    return this.#commandLines.clean(text);
  }
}
