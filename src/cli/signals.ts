import { CorrelateError, messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';

export interface SignalActions {
  /** SIGINT or SIGTERM: end and flush. A second one ends the process at once. */
  readonly stop: () => void;
  /** SIGHUP: open output files again, load rules anew. */
  readonly refresh?: () => Promise<void>;
  readonly warn: Warn;
}

/** Puts the actions on the process's signals until `close`. */
export function onSignals(actions: SignalActions): { close(): void } {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(130);
    stopping = true;
    actions.stop();
  };
  const hangUp = () => {
    actions.refresh?.().catch((error: unknown) => {
      const code = error instanceof CorrelateError ? error.code : 'OUTPUT_OPEN_FAILED';
      actions.warn({ code, message: messageOf(error) });
    });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', hangUp);
  return {
    close: () => void process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', hangUp),
  };
}
