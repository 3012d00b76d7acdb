import type { Alert } from '../records/alert.js';
import { ecsAlertLine } from './alert-ecs.js';

/** How an alert becomes a line, by the name that `--format` takes. */
export const alertFormats = { ecs: ecsAlertLine } as const satisfies Record<string, (alert: Alert) => string>;

export type AlertFormat = keyof typeof alertFormats;
