import Table from 'cli-table3';
import type { SqlValue } from '../records/host-database.js';
import { printable } from './owner-text.js';

export const queryFormats = ['table', 'json', 'csv'] as const;
export type QueryFormat = (typeof queryFormats)[number];

/** Letters of a value that a table shows; the other formats have all. */
const SHOWN_LETTERS = 100;

/** A value of a result: what SQLite has, and the structures and lists of DuckDB, which are shown as JSON. */
export type ShownValue = SqlValue | boolean | object;

/** What one host answered to a query; `host` is absent when only this machine was asked. */
export interface HostResult {
  readonly host?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly ShownValue[])[];
}

/** An answer that is no result. */
export interface HostFailure {
  readonly host: string;
  readonly error: { readonly code: string; readonly message: string };
}

/**
 * Writes the answers to one query as text: JSON lines (`{"host":…,"row":{…}}`, or the row alone when one machine was asked; integers
 * beyond 2^53 as text), CSV (RFC 4180, one header; NULL is empty), or tables for a person. Failures are lines of the JSON alone.
 */
export class QueryPrinter {
  readonly #format: QueryFormat;
  readonly #write: (text: string) => void;
  #head: string | undefined;

  constructor(format: QueryFormat, write: (text: string) => void) {
    this.#format = format;
    this.#write = write;
  }

  result(result: HostResult): void {
    switch (this.#format) {
      case 'json':
        this.#write(jsonLines(result));
        break;
      case 'csv':
        this.#csv(result);
        break;
      case 'table':
        this.#write(resultTable(result));
    }
  }

  failure(failure: HostFailure): void {
    if (this.#format === 'json') this.#write(`${JSON.stringify(failure)}\n`);
  }

  /** Hosts of other versions may have other columns; then a new header stands before theirs. */
  #csv({ host, columns, rows }: HostResult): void {
    const own = host === undefined ? [] : ['host'];
    const head = csvLine([...own, ...columns]);
    if (head !== this.#head) this.#write(head);
    this.#head = head;
    this.#write(rows.map((row) => csvLine(host === undefined ? row : [host, ...row])).join(''));
  }
}

function jsonLines({ host, columns, rows }: HostResult): string {
  return rows
    .map((values) => {
      const row = Object.fromEntries(columns.map((column, at) => [column, plain(values[at])]));
      return `${JSON.stringify(host === undefined ? row : { host, row })}\n`;
    })
    .join('');
}

function plain(value: ShownValue | undefined): Exclude<ShownValue, bigint> {
  return typeof value === 'bigint' ? String(value) : (value ?? null);
}

function csvLine(values: readonly ShownValue[]): string {
  const fields = values.map((value) => {
    const text = textOf(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${fields.join(',')}\r\n`;
}

function resultTable({ host, columns, rows }: HostResult): string {
  const table = new Table({ head: columns.map(printable), style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push(row.map(cell));
  const title = host === undefined ? '' : `${printable(host)}: `;
  const count = `${title}${rows.length} ${rows.length === 1 ? 'row' : 'rows'}\n`;
  return rows.length === 0 ? count : `${table.toString()}\n${count}`;
}

function textOf(value: ShownValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function cell(value: ShownValue): string {
  const text = printable(textOf(value));
  return text.length > SHOWN_LETTERS ? `${text.slice(0, SHOWN_LETTERS)}…` : text;
}
