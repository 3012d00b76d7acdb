import { Presets, SingleBar } from 'cli-progress';

/** A progress bar on a terminal for long reads; for inputs without a known size nothing is shown. */
export interface Progress {
  update(readBytes: number): void;
  stop(): void;
}

/** Shorter inputs end before a bar could be read. */
const MIN_BYTES = 64 << 20;

/** A bar on stderr over `totalBytes`, or nothing. */
export function startProgress(totalBytes: number | undefined): Progress {
  if (totalBytes === undefined || totalBytes < MIN_BYTES) return { update() {}, stop() {} };
  const mebibytes = (bytes: number) => Math.round(bytes / (1 << 20));
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: '{bar} {percentage}% {value}/{total} MiB, {eta_formatted} left',
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  bar.start(mebibytes(totalBytes), 0);
  return {
    update: (readBytes) => bar.update(mebibytes(readBytes)),
    stop: () => bar.stop(),
  };
}
