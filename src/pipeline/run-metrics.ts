import { type Metric, single } from '../core/metric.js';
import { type Micros, SECOND } from '../core/time.js';
import type { RunFigures } from '../server/metrics-pages.js';

/** The figures of a run: those that its stages have registered, asked for when somebody wants them. */
export class RunMetrics implements RunFigures {
  readonly #sources: (() => Metric[])[] = [];
  readonly #checks: (() => string | undefined)[] = [];

  /** `version` of the program; `since` when the run began. */
  constructor(version: string, since: Micros) {
    this.add(() => processMetrics(version, since));
  }

  add(source: () => Metric[]): void {
    this.#sources.push(source);
  }

  /** `check` gives a sentence when something is wrong. */
  check(check: () => string | undefined): void {
    this.#checks.push(check);
  }

  metrics(): Metric[] {
    return this.#sources.flatMap((source) => source());
  }

  problems(): string[] {
    return this.#checks.map((check) => check()).filter((problem) => problem !== undefined);
  }
}

function processMetrics(version: string, since: Micros): Metric[] {
  const { user, system } = process.cpuUsage();
  const build = { version, node: process.version };
  return [
    {
      name: 'correlate_build_info',
      help: 'What runs; always 1.',
      type: 'gauge',
      samples: [{ labels: build, value: 1 }],
    },
    single('counter', 'process_cpu_seconds_total', 'CPU time used, all threads.', (user + system) / SECOND),
    single('gauge', 'process_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()),
    single('gauge', 'process_start_time_seconds', 'When the run began, seconds since 1970.', since / SECOND),
  ];
}
