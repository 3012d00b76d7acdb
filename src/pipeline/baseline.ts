import type { Warn } from '../core/warnings.js';
import { Baseline } from '../join/baseline.js';
import { writeConnection } from '../outputs/connection-json.js';
import { LineSink } from '../outputs/line-sink.js';

/** The ancestor's rules over the input of a run, with an output of their own. */
export class BaselineRun {
  readonly join: Baseline;
  readonly #sink: LineSink;

  /** Throws OUTPUT_OPEN_FAILED. */
  constructor(path: string, warn: Warn) {
    this.#sink = new LineSink(path, warn);
    this.join = new Baseline((attributed) => {
      const line = this.#sink.begin();
      if (line === undefined) return;
      writeConnection(line, attributed);
      this.#sink.endLine();
    });
  }

  /** The input has ended; resolves when all is written. */
  async end(): Promise<void> {
    this.join.end();
    await this.#sink.close();
  }
}
