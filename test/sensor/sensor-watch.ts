import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Warning } from '../../src/core/warnings.js';
import type { AnyTableRow, HostRow } from '../../src/records/host-row.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { type HostSensor, type HostSensorOptions, startHostSensor } from '../../src/sensor/host-sensor.js';
import { sensorAddonBuilt } from '../../src/sensor/sensor-addon.js';

/** A sensor that is running, all that it has emitted, and the programs that were started for it to see. */
export class SensorWatch {
  readonly rows: HostRow[] = [];
  readonly warnings: Warning[] = [];
  private wake: () => void = () => {};
  private sensor: HostSensor | undefined;

  static async start(options: Partial<HostSensorOptions> = {}): Promise<SensorWatch> {
    const watch = new SensorWatch();
    watch.sensor = await startHostSensor('ebpf', {
      host: 'here',
      emit: (rows) => {
        watch.rows.push(...rows);
        watch.wake();
      },
      warn: (warning) => watch.warnings.push(warning),
      ...options,
    });
    return watch;
  }

  /** The rows of a table that fit, so far. */
  found(table: HostTable, columns: object): AnyTableRow[] {
    return this.rows.filter(
      (row): row is AnyTableRow => row.kind === 'row' && row.table === table && fits(row, columns),
    );
  }

  /** The first row that fits, once there is one. The test's own time limit ends the wait. */
  async find(table: HostTable, columns: object): Promise<AnyTableRow> {
    for (;;) {
      const [first] = this.found(table, columns);
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    await this.sensor?.stop();
  }
}

function fits(row: AnyTableRow, columns: object): boolean {
  const told = row.columns as Record<string, unknown>;
  return Object.entries(columns).every(([name, value]) => told[name] === value);
}

/** Runs a program to its end. Its output is JSON. */
export async function runToEnd(command: readonly string[]): Promise<{ pid: number; told: Record<string, number> }> {
  const child: ChildProcess = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`);
  return { pid: child.pid!, told: JSON.parse(text) as Record<string, number> };
}

/** Why the sensor cannot run here; undefined: it can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  return sensorAddonBuilt() ? undefined : 'build/sensor.node is not built';
}

export const python = (code: string): string[] => ['python3', '-c', code];

/** A program that connects to itself and exchanges a few bytes; it prints the ports. */
export const tcp = (family: string, host: string) => `
import json, socket
l = socket.socket(${family}, socket.SOCK_STREAM); l.bind(('${host}', 0)); l.listen()
c = socket.socket(${family}, socket.SOCK_STREAM); c.connect(l.getsockname())
a, _ = l.accept(); c.sendall(b'hello'); a.recv(9); a.sendall(b'thanks'); c.recv(9)
print(json.dumps({'server': l.getsockname()[1], 'client': c.getsockname()[1]}))
c.close(); a.close(); l.close()`;
