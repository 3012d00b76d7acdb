import type { Micros } from '../../../src/core/time.js';
import type { Columns } from '../../../src/records/host-tables.js';
import { forgottenAt, type Nat, type Tracking } from './nat.js';
import type { RowStream } from './row-stream.js';

/** Tells what a host translates as its sensor reads it: what stood at first, then what came and went since the time before. */
export function observeTranslations(nat: Nat, stream: RowStream<'conntrack'>, reads: readonly Micros[]): void {
  let since: Micros | undefined;
  for (const at of reads) {
    const isSince = (moment: Micros): boolean => moment <= at && (since === undefined || moment > since);
    const began = nat.trackings.filter(
      (one) => isSince(one.flow!.start) && (since !== undefined || forgottenAt(one) > at),
    );
    const ended = since === undefined ? [] : nat.trackings.filter((one) => isSince(forgottenAt(one)));
    const news = [
      ...began.map((tracking) => ({ tracking, moment: tracking.flow!.start, action: 'added' as const })),
      ...ended.map((tracking) => ({ tracking, moment: forgottenAt(tracking), action: 'removed' as const })),
    ].sort((a, b) => a.moment - b.moment || (a.action < b.action ? 1 : -1));
    for (const { tracking, action } of news) stream.write(action, at, columnsOf(tracking, nat), since);
    since = at;
  }
}

function columnsOf({ original, reply }: Tracking, { host }: Nat): Columns<'conntrack'> {
  return {
    protocol: 6,
    original_source: original.source.address,
    original_source_port: original.source.port,
    original_destination: original.destination.address,
    original_destination_port: original.destination.port,
    reply_source: reply.source.address,
    reply_source_port: reply.source.port,
    reply_destination: reply.destination.address,
    reply_destination_port: reply.destination.port,
    net_namespace: host.own.id,
  };
}
