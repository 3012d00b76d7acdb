import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hostTables } from '../../../src/records/host-tables.js';
import { tables } from '../../../src/sensor/tables/registry.js';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly hidden?: boolean;
  readonly required?: boolean;
  readonly collate?: string;
}
interface Spec {
  readonly columns: readonly Column[];
  readonly extended_columns?: Readonly<Record<string, readonly Column[]>>;
}
interface Schema {
  readonly tables: Readonly<Record<string, Spec>>;
  readonly additional_tables: Readonly<Record<string, Spec>>;
  readonly all_table_names: readonly { readonly name: string; readonly columns: number }[];
}

const path = fileURLToPath(new URL('../../../../shared/corpus/osquery/schema.json', import.meta.url));
const hasCorpus = existsSync(path);
const schema = hasCorpus ? (JSON.parse(readFileSync(path, 'utf8')) as Schema) : undefined;

function specOf(name: string): Spec | undefined {
  return schema?.tables[name] ?? schema?.additional_tables[name];
}

/** The columns on Linux, in osquery's order. */
function linuxColumns(spec: Spec): Column[] {
  return [spec.columns, ...['POSIX', 'LINUX', 'LINUXDARWIN'].map((each) => spec.extended_columns?.[each] ?? [])].flat();
}

const described = tables.filter(({ name }) => specOf(name) !== undefined);

describe.skipIf(!hasCorpus)('the tables of this machine (skipped without ../shared/corpus/osquery)', () => {
  it('cover what is described for Linux in the corpus, but for what needs Docker, disks or an osquery', () => {
    expect(described.length).toBeGreaterThan(22);
    const all = new Map(schema!.all_table_names.map(({ name, columns }) => [name, columns]));
    for (const { name, columns } of tables.filter((table) => !described.includes(table))) {
      // Of these the corpus tells only how many columns they have, without those of Linux alone.
      const own = Object.keys(columns).filter(
        (column) => !['pid_with_namespace', 'mount_namespace_id'].includes(column),
      );
      expect([name, own.length]).toEqual([name, all.get(name)]);
    }
  });

  it.each(described)('have the columns, types and hidden columns of osquery: $name', (table) => {
    const wanted = linuxColumns(specOf(table.name)!);
    expect(Object.entries(table.columns)).toEqual(wanted.map(({ name, type }) => [name, type]));
    const named = (accept: (column: Column) => boolean | undefined) => wanted.filter(accept).map(({ name }) => name);
    expect([...table.hidden].sort()).toEqual(named(({ hidden }) => hidden).sort());
    expect([...table.nocase].sort()).toEqual(named(({ collate }) => collate === 'nocase').sort());
    expect([...table.required].sort()).toEqual(named(({ required }) => required).sort());
  });
});

describe('the tables that the join reads', () => {
  it('are among them, with the same types', () => {
    for (const [name, columns] of Object.entries(hostTables)) {
      const table = tables.find((each) => each.name === name);
      // A log from another system may have the first; the others are told to the join by this sensor alone.
      const foreign = [
        'processes.net_namespace',
        'interface_addresses.net_namespace',
        'process_events.status',
        'process_events.cgroup_path',
        'process_events.net_namespace',
        'socket_events.uid',
        'socket_events.bytes_sent',
        'socket_events.bytes_received',
        'socket_events.net_namespace',
        'socket_events.icmp_type',
        'socket_events.icmp_code',
      ];
      for (const [column, type] of Object.entries(columns)) {
        if (name !== 'packet_sockets' && name !== 'conntrack' && !foreign.includes(`${name}.${column}`))
          expect([name, column, table?.columns[column]]).toEqual([name, column, type]);
      }
    }
  });
});
