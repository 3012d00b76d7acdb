import { limits } from '../core/limits.js';
import { formatIso, formatSeconds, type Micros } from '../core/time.js';
import type { ClockUsed, EndExplanation, Explanation, TriedSocket } from '../join/explain.js';
import type { AttributedConnection, End } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';
import { connectionObject } from './connection-json.js';
import { endpointText, ownerText, printable } from './owner-text.js';

/** Sockets that a person is shown of each end; of the others the reasons are summed. */
const SHOWN_SOCKETS = 10;
/** Letters of a row that a person is shown. */
const SHOWN_ROW = 200;

/**
 * An explanation as JSON: the connection's line with, at each end, `clocks` and `tried`: the sockets that were looked at, best first, with
 * their interval (`open_lo` … `close_hi`, absent: unbounded), rows, rank (0 is best), and why they `lost`. Times of sockets and rows are
 * epoch seconds of the host's clock; `offset` is that clock minus the capture's.
 */
export function explanationObject(attributed: AttributedConnection, { orig, resp }: Explanation): object {
  const line = connectionObject(attributed) as { orig: object; resp: object };
  return { ...line, orig: { ...line.orig, ...endObject(orig) }, resp: { ...line.resp, ...endObject(resp) } };
}

function endObject({ clocks, tried }: EndExplanation): object {
  return {
    clocks: clocks.map(({ host, offset, err, measured }) => ({
      host,
      offset: seconds(offset),
      err: seconds(err),
      measured,
    })),
    tried: tried.slice(0, limits.explainedSockets).map(socketObject),
    ...(tried.length > limits.explainedSockets && { omitted: tried.length - limits.explainedSockets }),
  };
}

function socketObject({ openLo, openHi, closeLo, closeHi, rows, ...rest }: TriedSocket): object {
  const interval = { open_lo: openLo, open_hi: openHi, close_lo: closeLo, close_hi: closeHi };
  const bounded = Object.entries(interval).filter(([, time]) => Number.isFinite(time));
  return {
    ...rest,
    ...Object.fromEntries(bounded.map(([name, time]) => [name, seconds(time)])),
    rows: rows.map(({ stream, table, action, time, since, resolution, columns }) => ({
      stream,
      table,
      action,
      time: seconds(time),
      ...(since !== undefined && { since: seconds(since) }),
      resolution: seconds(resolution),
      columns,
    })),
  };
}

function seconds(us: Micros): number {
  return us / 1_000_000;
}

/** An explanation for a person. */
export function explanationText(attributed: AttributedConnection, { orig, resp }: Explanation): string {
  const c = attributed.connection;
  const from = endpointText(c['id.orig_h'], c['id.orig_p']);
  const to = endpointText(c['id.resp_h'], c['id.resp_p']);
  const lasted = c.duration === undefined ? '' : ` for ${formatSeconds(c.duration)} s`;
  return [
    `${c.uid}: ${c.proto} from ${from} to ${to} at ${formatIso(c.ts)}${lasted}, ${c.conn_state} ${c.history ?? ''}`.trimEnd(),
    ...endLines('originator', attributed.orig, orig),
    ...endLines('responder', attributed.resp, resp),
    '',
  ].join('\n');
}

function endLines(name: string, end: End, { clocks, tried }: EndExplanation): string[] {
  const lines = [`  ${name}: ${verdict(end)}`, ...natLines(end), ...clocks.map(clockLine)];
  const decisive =
    end.state === 'attributed' ? tried.find(({ lost, method }) => !lost && method === end.method) : undefined;
  for (const socket of tried.slice(0, SHOWN_SOCKETS)) {
    const taken = end.state === 'attributed' ? (socket === decisive ? 'taken' : 'tells the same') : 'as good as others';
    lines.push(...socketLines(socket, taken));
  }
  const reasons = new Map<string, number>();
  for (const { lost = 'it is as good' } of tried.slice(SHOWN_SOCKETS)) reasons.set(lost, (reasons.get(lost) ?? 0) + 1);
  for (const [reason, count] of reasons) lines.push(`    ${count} more sockets: ${reason}`);
  if (tried.length === 0) lines.push('    no socket of a watched host has this address and port');
  return lines;
}

function natLines(end: End): string[] {
  if (end.state === 'pending' || end.nat === undefined) return [];
  const { host, address, port, peer_address, peer_port } = end.nat;
  const [own, peer] = [endpointText(address, port), endpointText(peer_address, peer_port)];
  return [`    translated by ${printable(host.id)}: it is ${own} itself, and its peer is ${peer} to it`];
}

function verdict(end: End): string {
  if (end.state === 'attributed') return `${ownerText(end)} by ${end.method}`;
  return `${end.state}${end.state === 'pending' ? '' : `: ${ownerText(end)}`}`;
}

function clockLine({ host, offset, err, measured }: ClockUsed): string {
  const sign = offset < 0 ? '-' : '+';
  const size = `${sign}${formatSeconds(Math.abs(offset))} s, give or take ${formatSeconds(err)} s`;
  return `    clock of ${printable(host)}: ${size}${measured ? '' : ' (not measured)'}`;
}

/** `taken` is said of a socket that did not lose. */
function socketLines(socket: TriedSocket, taken: string): string[] {
  const { host, pid, rank, method, weight, lost = taken, rows, ...interval } = socket;
  const grade = rank === undefined ? 'does not fit' : `rank ${rank} (${method}), ${weight}`;
  return [
    `    pid ${pid} on ${printable(host)}: ${grade}: ${lost}`,
    `      opened ${span(interval.openLo, interval.openHi)}, closed ${span(interval.closeLo, interval.closeHi)}`,
    ...rows.map((row) => `      ${rowText(row)}`),
  ];
}

/** A moment that is known to lie between two times, on the host's clock. */
function span(low: Micros, high: Micros): string {
  if (low === high && Number.isFinite(low)) return `at ${formatIso(low)}`;
  const after = Number.isFinite(low) ? `after ${formatIso(low)}` : '';
  const before = Number.isFinite(high) ? `before ${formatIso(high)}` : '';
  return after === '' && before === ''
    ? 'at an unknown time'
    : [after, before].filter((part) => part !== '').join(' and ');
}

function rowText({ stream, action, time, columns }: AnyTableRow): string {
  const text = printable(`${stream} ${action} ${formatIso(time)} ${JSON.stringify(columns)}`);
  return text.length > SHOWN_ROW ? `${text.slice(0, SHOWN_ROW)}…` : text;
}
