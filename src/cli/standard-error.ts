let stream: NodeJS.WriteStream | undefined;

/**
 * Where the program speaks of itself. Whoever reads may be slow or have gone, and the disk be full: what is told of a run must neither hold it up nor
 * end it, so nothing waits for it and what cannot be written is lost.
 */
export function standardError(): NodeJS.WriteStream {
  stream ??= process.stderr.on('error', () => {});
  return stream;
}

/** Resolves when all that was told has been taken, at the end of the program. */
export async function allTold(): Promise<void> {
  const open = stream;
  if (open === undefined || open.writableLength === 0) return;
  await new Promise<void>((resolve) => void open.write('', () => resolve()));
}
