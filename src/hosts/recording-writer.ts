import type { HostRow } from '../records/host-row.js';

/**
 * Writes host rows as a recording: JSON lines after a header line with the format's version. `readHostLog` reads it back.
 */
export class RecordingWriter {
  constructor(path: string) {
    void path;
  }

  /** Appends rows, in order. Throws CorrelateError OUTPUT_WRITE_FAILED. */
  write(rows: readonly HostRow[]): void {
    void rows;
  }

  /** Writes what is buffered and closes the file. */
  close(): void {}
}
