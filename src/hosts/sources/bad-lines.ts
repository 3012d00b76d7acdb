import { limits } from '../../core/limits.js';
import type { Warn } from '../../core/warnings.js';

/**
 * Counts the broken lines of one log and reports them as HOST_LOG_BAD_LINE: the first few each with `file:line`, the rest
 * in one warning with their count at the end. Nothing is told until the format is known, so that a wrong file gives one
 * message.
 */
export class BadLines {
  private count = 0;
  private told = 0;
  private isFormatKnown = false;
  private held: { line: number; reason: string }[] = [];

  constructor(
    private readonly file: string,
    private readonly warn: Warn,
  ) {}

  add(line: number, reason: string): void {
    this.count++;
    if (this.told + this.held.length >= limits.hostBadLinesTold) return;
    this.held.push({ line, reason });
    if (this.isFormatKnown) this.tell();
  }

  /** The log has a known format. */
  formatKnown(): void {
    this.isFormatKnown = true;
    this.tell();
  }

  /** The log is over. */
  end(): void {
    const rest = this.count - this.told;
    if (rest === 0) return;
    const message = `${rest} more lines could not be read`;
    this.warn({ code: 'HOST_LOG_BAD_LINE', message, where: this.file, count: rest });
  }

  private tell(): void {
    for (const { line, reason } of this.held) {
      this.warn({ code: 'HOST_LOG_BAD_LINE', message: reason, where: `${this.file}:${line}` });
    }
    this.told += this.held.length;
    this.held = [];
  }
}
