import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where an engine of this user listens for other commands when nothing else is said. */
export function defaultEngineSocket(): string {
  if (process.getuid?.() === 0) return '/run/correlate/engine.sock';
  const folder = process.env.XDG_RUNTIME_DIR ?? join(tmpdir(), `correlate-${process.getuid?.() ?? 0}`);
  return join(folder, 'correlate-engine.sock');
}
