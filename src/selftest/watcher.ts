import { CorrelateError } from '../core/errors.js';
import { type SensorChoice, type SensorMethod, sensorMethods } from '../sensor/sensor-method.js';
import type { Child, ChildPrograms } from './child-programs.js';
import type { Stage } from './stage.js';

interface LogLine {
  readonly level: number;
  readonly msg: string;
}

const methods = ['ebpf', 'netlink', 'poll'] as const satisfies readonly SensorMethod[];

/** pino's level of warnings. */
const WARNING = 40;

/** The program itself, as a user runs it: capturing at the tap and watching this host. */
export class Watcher {
  private constructor(
    private readonly child: Child,
    readonly method: SensorMethod,
  ) {}

  /**
   * Resolves when it captures. `baselinePath`: where it writes what the ancestor's rules make of the same input.
   * @throws CorrelateError SELFTEST_FAILED with what it said
   */
  static async start(
    programs: ChildPrograms,
    stage: Stage,
    sensor: SensorChoice,
    baselinePath: string | undefined,
  ): Promise<Watcher> {
    const captures = stage.interfaces.flatMap((name) => ['-i', name]);
    const outputs = ['--connections', '-', '--alerts', '/dev/null', '--table', 'never', '--json-log'];
    const baseline = baselinePath === undefined ? [] : ['--baseline', baselinePath];
    const command = [process.execPath, process.argv[1]!, 'run', ...captures, '--sensor', sensor];
    const child = programs.start([...stage.spots.tap.prefix, ...command, ...outputs, ...baseline]);
    const capturing = /capturing on [^"]*this host is watched ([^"]*)"/;
    const told = await child.until(() => capturing.exec(child.said)?.[1]);
    const method = methods.find((each) => sensorMethods[each] === told);
    if (method === undefined) throw new CorrelateError('SELFTEST_FAILED', failure(child));
    return new Watcher(child, method);
  }

  /** Rejects as soon as it has ended by itself. */
  async untilDeath(): Promise<never> {
    await this.child.ended;
    throw new CorrelateError('SELFTEST_FAILED', failure(this.child));
  }

  /** Ends it as a user does; gives the connection lines, in the order in which they came. */
  async stop(): Promise<readonly string[]> {
    if (this.child.hasEnded) throw new CorrelateError('SELFTEST_FAILED', failure(this.child));
    const { code, lines } = await this.child.end('SIGINT');
    if (code !== 0) throw new CorrelateError('SELFTEST_FAILED', failure(this.child));
    return lines.filter((line) => line !== '');
  }

  /** What it warned of. */
  get warnings(): readonly string[] {
    return logLines(this.child)
      .filter(({ level }) => level >= WARNING)
      .map(({ msg }) => msg);
  }
}

function logLines({ said }: Child): LogLine[] {
  return said
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

function failure(child: Child): string {
  const told = logLines(child)
    .filter(({ level }) => level >= WARNING)
    .map(({ msg }) => msg);
  return `the watching program failed: ${told.length > 0 ? told.join('; ') : child.said.slice(-500)}`;
}
