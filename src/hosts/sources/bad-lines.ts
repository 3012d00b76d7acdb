import { limits } from '../../core/limits.js';
import type { Warn } from '../../core/warnings.js';

/**
 * Counts the broken lines of one log and reports them as HOST_LOG_BAD_LINE: the first few each with `file:line`, the rest
 * in one warning with their count at the end.
 */
export class BadLines {
  private count = 0;
  private readonly held: { line: number; reason: string }[] = [];

  constructor(
    private readonly file: string,
    private readonly warn: Warn,
  ) {}

  add(line: number, reason: string): void {
    this.count++;
    if (this.held.length < limits.hostBadLinesTold) this.held.push({ line, reason });
  }

  /** Tells what was counted. Not called when the whole file is refused, so that a wrong file gives one message. */
  report(): void {
    for (const { line, reason } of this.held) {
      this.warn({ code: 'HOST_LOG_BAD_LINE', message: reason, where: `${this.file}:${line}` });
    }
    const rest = this.count - this.held.length;
    if (rest > 0) {
      this.warn({
        code: 'HOST_LOG_BAD_LINE',
        message: `${rest} more lines could not be read`,
        where: this.file,
        count: rest,
      });
    }
  }
}
