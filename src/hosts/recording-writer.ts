import { closeSync, writeSync } from 'node:fs';
import { CorrelateError, fileProblem } from '../core/errors.js';
import { openOutput } from '../core/output-file.js';
import type { HostRow } from '../records/host-row.js';
import { recordingMark, recordingVersion } from './recording-format.js';

/**
 * Writes host rows as a recording: JSON lines after a header line with the format's version. `readHostLogs` gives back
 * equal rows. Every call writes whole lines, so what was written before a crash can be read.
 */
export class RecordingWriter {
  private readonly file: number;
  /** Whoever read the file, a pipe, has gone: what is written from then on is for nobody, and dropped. */
  readerGone = false;

  /** Creates or empties the file. Throws OUTPUT_OPEN_FAILED or OUTPUT_IN_USE. */
  constructor(private readonly path: string) {
    this.file = openOutput(path);
    this.append(`${JSON.stringify({ [recordingMark]: recordingVersion })}\n`);
  }

  /** Appends rows, in order. Throws OUTPUT_WRITE_FAILED. */
  write(rows: readonly HostRow[]): void {
    if (rows.length > 0) this.append(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  /** Closes the file; the writer cannot be used after it. */
  close(): void {
    if (this.file > 2) closeSync(this.file);
  }

  private append(text: string): void {
    if (this.readerGone) return;
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at);
    } catch (error) {
      this.readerGone = (error as NodeJS.ErrnoException).code === 'EPIPE';
      if (this.readerGone) return;
      throw new CorrelateError('OUTPUT_WRITE_FAILED', `${this.path}: ${fileProblem(error)}`, { cause: error });
    }
  }
}
