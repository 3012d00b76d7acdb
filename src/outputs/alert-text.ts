import { formatIso } from '../core/time.js';
import type { Alert } from '../records/alert.js';
import { endpointText, ownerText, printable } from './owner-text.js';

/** An alert in one or two lines for a person at a terminal. */
export function alertText(alert: Alert): string {
  const status = alert.status === 'new' ? '' : ` (${alert.status})`;
  const about = alert.host === undefined ? '' : ` on ${printable(alert.host)}`;
  const head = `${formatIso(alert.time).slice(11, 23)}  ${alert.rule.level.toUpperCase()}  ${printable(alert.title)}${about}${status}`;
  if (alert.connection === undefined) return head;
  const { connection: c, orig, resp } = alert.connection;
  const from = `${endpointText(c['id.orig_h'], c['id.orig_p'])} (${ownerText(orig)})`;
  const to = `${endpointText(c['id.resp_h'], c['id.resp_p'])} (${ownerText(resp)})`;
  return `${head}\n              ${c.proto} ${from} → ${to}`;
}
