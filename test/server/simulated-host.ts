import type { AgentSensor } from '../../src/agent/agent.js';
import type { HostRow } from '../../src/records/host-row.js';

/** A sensor whose rows the test decides. */
export class ScriptedSensor implements AgentSensor {
  readonly degradation: string[] = [];
  readonly told: HostRow[] = [];
  #seq = 0;
  #time = Date.now() * 1000;

  constructor(
    private readonly host: string,
    private readonly emit: (rows: HostRow[]) => void,
  ) {}

  start(): void {
    const streams = [{ stream: 'processes', table: 'processes' }] as const;
    this.#tell([{ kind: 'host', host: this.host, boot: 'boot-1', streams, from: this.#now() }]);
  }

  async stop(): Promise<void> {
    this.#tell([{ kind: 'host_timeout', host: this.host, at: this.#now() }]);
  }

  process(action: 'added' | 'removed', pid: number, cmdline = `program ${pid}`): void {
    const { host } = this;
    const time = this.#now();
    this.#tell([
      {
        kind: 'row',
        host,
        boot: 'boot-1',
        stream: 'processes',
        table: 'processes',
        action,
        time,
        resolution: 1000,
        seq: this.#seq++,
        columns: { pid, name: 'program', path: '/usr/bin/program', cmdline },
      },
      { kind: 'complete', host, stream: 'processes', until: time },
    ]);
  }

  #now(): number {
    this.#time = Math.max(this.#time + 1, Date.now() * 1000);
    return this.#time;
  }

  #tell(rows: HostRow[]): void {
    this.told.push(...rows);
    this.emit(rows);
  }
}

/** The rows of tables, as a text that tells two of them apart. */
export function tableRows(rows: readonly HostRow[]): string[] {
  return rows.flatMap((row) => (row.kind === 'row' ? [`${row.host} ${row.stream} ${row.seq} ${row.action}`] : []));
}
