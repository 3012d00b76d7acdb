import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { CorrelateError, messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';

export interface SignalActions {
  /** SIGINT or SIGTERM, and SIGHUP where there is nothing to refresh: end and flush. A second SIGINT or SIGTERM ends the process at once. */
  readonly stop: () => void;
  /** SIGHUP: open output files again, load rules anew. Absent where there is neither. */
  readonly refresh?: () => Promise<void>;
  readonly warn: Warn;
}

/** Puts the actions on the process's signals until `close`. */
export function onSignals(actions: SignalActions): { close(): void } {
  let stopping = false;
  const isDetached = isDetachedFromTerminal();
  const stop = () => {
    if (stopping) process.exit(130);
    stopping = true;
    actions.stop();
  };
  const hangUp = () => {
    if (actions.refresh === undefined) {
      // Kernel and shell both tell that a terminal has gone.
      if (!isDetached && !stopping) stop();
      return;
    }
    actions.refresh().catch((error: unknown) => {
      const code = error instanceof CorrelateError ? error.code : 'OUTPUT_OPEN_FAILED';
      actions.warn({ code, message: messageOf(error) });
    });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', hangUp);
  return {
    close: () => void process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', hangUp),
  };
}

/**
 * Whether somebody started the process on a terminal that it does not use, as `nohup` does: it is to outlast that. Node.js takes back that SIGHUP is
 * ignored, so what nohup did shows by the streams alone.
 */
function isDetachedFromTerminal(): boolean {
  if ([0, 1, 2].some((fd) => isatty(fd))) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
