import type { ErrorCode } from './errors.js';

/**
 * Something went wrong and work goes on. `where` is `file`, `file:line` or `file:line:column`, `count` how many like it
 * there were when only the first is told.
 */
export interface Warning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where?: string;
  readonly count?: number;
}

/** Where a part reports its warnings. The program's log is one, a test's array another. */
export type Warn = (warning: Warning) => void;
