// What befalls host rows on their way, applied to a recording. Each change is a function of rows; chance is seeded.

import { Join } from '../../dist/join/attribution.js';
import { connectionLine } from '../../dist/outputs/connection-json.js';
import { FileNetwork } from '../../dist/pipeline/file-network.js';

const SECOND = 1e6;
/** How well this host's own clock is known live, microseconds. */
const LIVE_ERR = 20;
const timeFields = ['time', 'since', 'from', 'to', 'until', 'at'];

/** Numbers in [0, 1), the same in every run. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shifted(row, by) {
  const out = { ...row };
  for (const field of timeFields) if (out[field] !== undefined) out[field] += by;
  return out;
}

function lose(rows, isTold) {
  const random = chance(1);
  return rows.flatMap((row) => {
    if (row.kind !== 'row' || random() >= 0.01) return [row];
    if (!isTold) return [];
    const { host, stream, time, since = time - 1, resolution } = row;
    return [{ kind: 'lost', host, stream, from: Math.min(since, time - 1), to: time + resolution }];
  });
}

/** Rows in the order in which they arrive when each takes up to `seconds`; what says that all was told comes after all of it. */
function late(rows, seconds) {
  const random = chance(2);
  return rows
    .map((row) => ({ row, at: arrival(row, random() * seconds * SECOND, seconds) }))
    .sort((a, b) => a.at - b.at);
}

function arrival(row, delay, seconds) {
  switch (row.kind) {
    case 'row':
      return row.time + row.resolution + delay;
    case 'complete':
      return row.until + (seconds + 1) * SECOND;
    case 'lost':
      return row.to;
    case 'host_timeout':
      return row.at + (seconds + 2) * SECOND;
    default:
      return row.from;
  }
}

export const UNTOLD = '1 % lost, not told';

export const changes = {
  'as recorded': (rows) => rows,
  'in disorder by 30 s': (rows) => late(rows, 30).map(({ row }) => row),
  'each fifth row twice': (rows) => {
    const random = chance(3);
    return rows.flatMap((row) => (row.kind === 'row' && random() < 0.2 ? [row, row] : [row]));
  },
  '1 % lost, told': (rows) => lose(rows, true),
  [UNTOLD]: (rows) => lose(rows, false),
  'clock 5 min ahead': (rows) => rows.map((row) => shifted(row, 300 * SECOND)),
  'clock 5 min behind': (rows) => rows.map((row) => shifted(row, -300 * SECOND)),
  'clock 5 min ahead, measured by the agent': (rows, capture) => {
    const out = rows.map((row) => shifted(row, 300 * SECOND));
    const at = out.findIndex(({ kind }) => kind === 'host') + 1;
    const clock = { kind: 'clock', host: 'host', capture, offset: 300 * SECOND, err: 5000, from: 0 };
    return out.toSpliced(at, 0, clock);
  },
};

/** What a query every `period` would have told of the tables that a recording polled oftener: whole seconds, no events. */
export function polledEvery(rows, period) {
  const polled = rows.filter((row) => row.kind === 'row' && row.action !== 'event').toSorted((a, b) => a.time - b.time);
  const floor = (time) => Math.floor(time / SECOND) * SECOND;
  const host = rows.find(({ kind }) => kind === 'host');
  const streams = host.streams.filter(({ table }) => !table.endsWith('_events'));
  const end = rows.find(({ kind }) => kind === 'host_timeout').at;
  const out = [{ ...host, streams }];
  const [content, told] = [new Map(), new Map()];
  let seq = 0;
  let next = 0;
  let before;
  for (let at = host.from + SECOND; at <= end; at += period) {
    for (; next < polled.length && polled[next].time <= at; next++) {
      const { stream, columns, action } = polled[next];
      const key = `${stream} ${JSON.stringify(columns)}`;
      if (action === 'added') content.set(key, polled[next]);
      else content.delete(key);
    }
    const time = floor(at);
    const moment = () => ({ time, resolution: SECOND, seq: seq++, ...(before !== undefined && { since: before }) });
    for (const [key, { since: _, ...row }] of told) {
      if (content.has(key)) continue;
      out.push({ ...row, ...moment(), action: 'removed' });
      told.delete(key);
    }
    for (const [key, { since: _, ...row }] of content) {
      if (told.has(key)) continue;
      out.push({ ...row, ...moment() });
      told.set(key, row);
    }
    for (const { stream } of streams) out.push({ kind: 'complete', host: host.host, stream, until: time });
    before = time;
  }
  return [...out, { kind: 'host_timeout', host: host.host, at: before }];
}

/** The capture and rows given to the join in the order in which they would arrive live; every line that comes of it. */
export class ReplayedArrival {
  #updates;

  constructor(path) {
    this.path = path;
  }

  async #read() {
    if (this.#updates !== undefined) return this.#updates;
    const network = await FileNetwork.open([this.path], { checksums: 'ignore' }, () => {});
    this.#updates = [];
    for await (const list of network.updates()) this.#updates.push(...list);
    return this.#updates;
  }

  /** What the clock rows of hosts have to call it. */
  async captureName() {
    return (await this.#read())[0]?.capture;
  }

  async lines(rows, seconds) {
    const lines = [];
    const emit = (line) => lines.push(JSON.parse(connectionLine(line)));
    const join = new Join({ latenessUs: 60 * SECOND, attrWaitUs: 2 * SECOND, finalOnly: false, emit });
    const events = late(rows, seconds).map(({ row, at }) => ({ at, row }));
    for (const update of await this.#read()) {
      const { ts, duration = 0 } = update.connection;
      // A connection is told as it begins, and again when it is over.
      const begun = { ...update.connection };
      delete begun.duration;
      events.push({
        at: ts,
        update: { ...update, cause: 'start', connection: { ...begun, history: update.connection.history?.[0] ?? '' } },
      });
      events.push({ at: ts + duration, update });
    }
    events.sort((a, b) => a.at - b.at);
    join.row({ kind: 'clock', host: 'host', capture: await this.captureName(), offset: 0, err: LIVE_ERR, from: 0 });
    for (const { at, row, update } of events) {
      if (row !== undefined) join.row(row);
      else join.connection(update);
      join.advance(at);
    }
    join.end();
    return lines;
  }
}
