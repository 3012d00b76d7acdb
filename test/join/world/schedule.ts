import type { Micros } from '../../../src/core/time.js';
import type { ConnectionUpdate } from '../../../src/records/connection.js';
import type { HostRow } from '../../../src/records/host-row.js';
import type { Random } from './random.js';
import type { World } from './world.js';

/** One input of the join and the capture time at which it comes. */
export type Input =
  | { readonly at: Micros; readonly row: HostRow }
  | { readonly at: Micros; readonly update: ConnectionUpdate }
  /** Nothing but the time. */
  | { readonly at: Micros };

function inOrder(inputs: Input[]): Input[] {
  return inputs.sort((a, b) => a.at - b.at);
}

/** As a running engine would get them. */
export function liveOrder(world: World): Input[] {
  return inOrder([...world.deliveries, ...world.emissions]);
}

/** As a run over files gets them: every row, then every connection. */
export function offlineOrder(world: World): Input[] {
  return [...world.deliveries, ...world.emissions];
}

/**
 * Any other lawful order: everything is held up by chance, within the lateness. A watermark still comes after the rows and clocks
 * that it speaks of, and where a host is watched anew after what says so; the updates of one connection keep their order.
 */
export function shuffledOrder(world: World, random: Random, holdUpUs: Micros): Input[] {
  const rows = world.deliveries.map((d) => ({ row: d.row, at: d.at + random.int(0, holdUpUs) }));
  const reached = new Map<string, Micros>();
  const announced = new Set<string>();
  for (const delivery of rows) {
    const { row } = delivery;
    const isAnew = row.kind === 'host_timeout' || (row.kind === 'host' && announced.has(row.host));
    if (row.kind === 'host') announced.add(row.host);
    if (row.kind === 'clock' || isAnew) {
      reached.set(row.host, Math.max(reached.get(row.host) ?? 0, delivery.at));
      continue;
    }
    if (row.kind !== 'row' && row.kind !== 'complete' && row.kind !== 'lost') continue;
    const key = `${row.host} ${row.stream}`;
    const before = Math.max(reached.get(key) ?? 0, reached.get(row.host) ?? 0);
    if (row.kind === 'complete') delivery.at = Math.max(delivery.at, before);
    reached.set(key, Math.max(before, delivery.at));
  }
  const lastOf = new Map<string, Micros>();
  const updates = world.emissions.map((emission) => {
    const { uid } = emission.update.connection;
    const at = Math.max(emission.at + random.int(0, holdUpUs), lastOf.get(uid) ?? 0);
    lastOf.set(uid, at);
    return { update: emission.update, at };
  });
  return inOrder(random.shuffled<Input>([...updates, ...rows])).sort(keepLawful(world));
}

/** Breaks ties of time in the world's own order. */
function keepLawful(world: World): (a: Input, b: Input) => number {
  const order = new Map<unknown, number>();
  // A duplicate is the same row again: the first copy counts.
  for (const { row } of world.deliveries) if (!order.has(row)) order.set(row, order.size);
  for (const emission of world.emissions) order.set(emission.update, order.size);
  const rank = (input: Input): number => order.get('row' in input ? input.row : 'update' in input && input.update) ?? 0;
  return (a, b) => a.at - b.at || rank(a) - rank(b);
}
