// Faults of this machine's tables, of their SQL, of explanations, and of what is kept of hosts.

const module = 'test/sensor/sql/table-module.test.ts';
const local = 'test/sensor/sql/local-tables.test.ts';
const tools = 'test/sensor/tables/against-tools.test.ts';
const parsers = 'test/sensor/tables/parsers.test.ts';

export const tableFaults = [
  {
    name: 'sql-text-column-looked-up-by-number',
    file: 'src/sensor/sql/table-module.ts',
    find: "return type === capi.SQLITE_TEXT ? { value: text } : 'other';",
    replace: 'return { value: text };',
    tests: [module],
  },
  {
    name: 'sql-nocase-column-looked-up-by-bytes',
    file: 'src/sensor/sql/scan-plan.ts',
    find: "binary && name !== ''",
    replace: "name !== ''",
    tests: [module],
  },
  {
    name: 'sql-row-ids-all-differ',
    file: 'src/sensor/sql/table-module.ts',
    find: 'id = this.#rowIds.size + 1;',
    replace: 'id = 1;',
    tests: [module],
  },
  {
    name: 'sql-columns-of-one-use-only',
    file: 'src/sensor/sql/table-scan.ts',
    find: 'columns.some((column) => this.wanted.has(column))',
    replace: 'columns.every((column) => this.wanted.has(column))',
    tests: [tools],
  },
  {
    name: 'sql-writes-allowed',
    file: 'src/sensor/sql/local-tables.ts',
    find: 'if (reading.includes(action)) return SQLITE_OK;',
    replace: 'if (action >= 0) return SQLITE_OK;',
    tests: [local],
    ci: true,
  },
  {
    name: 'sql-second-statement-ignored',
    file: 'src/sensor/sql/local-tables.ts',
    find: "throw new CorrelateError('QUERY_FAILED', ONE_SELECT);\n        }\n        found",
    replace: 'continue;\n        }\n        found',
    tests: [local],
  },
  {
    name: 'secrets-shown-to-queries',
    file: 'src/sensor/sql/table-scan.ts',
    find: 'yield isRedacted ? clean(row, redaction) : row;',
    replace: 'yield row;',
    tests: [local],
  },
  {
    name: 'exits-among-process-events',
    file: 'src/sensor/tables/event-log.ts',
    find: "return row.columns.syscall?.startsWith('exec') !== false;",
    replace: 'return true;',
    tests: [parsers],
  },
  {
    name: 'one-holder-of-a-shared-socket',
    file: 'src/sensor/tables/open-sockets.ts',
    find: 'known.at(-1)?.pid !== pid',
    replace: 'known.at(-1)?.pid === pid',
    tests: [tools],
  },
  {
    name: 'files-followed-nowhere',
    file: 'src/sensor/tables/scanned-paths.ts',
    find: "if (name.includes('%%') && isFolder)",
    replace: "if (name.includes('%%%') && isFolder)",
    tests: [tools],
  },
  {
    name: 'explanation-of-an-open-connection',
    file: 'src/join/attribution.ts',
    find: 'this.#deciding.setView(tracked, true, knowsAll);\n      return explainConnection',
    replace: 'this.#deciding.setView(tracked, false, false);\n      return explainConnection',
    tests: ['test/pipeline/explain-files.test.ts'],
  },
  {
    name: 'forgotten-pids-kept',
    file: 'src/hosts/state/host-processes.ts',
    find: 'this.#gone.delete(pid);',
    replace: ';',
    tests: ['test/hosts/state/host-state.test.ts'],
  },
];
