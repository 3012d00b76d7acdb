import { endianness } from 'node:os';
import type { Columns } from '../../records/host-tables.js';
import { address } from './held-socket.js';
import { header, type MessageBatch, type NetlinkMessage, readMessages } from './message-batch.js';

/** A connection that the kernel translates began, ended, or was there when it was asked for all (`standing`). */
export interface ConntrackEvent {
  readonly kind: 'began' | 'ended' | 'standing';
  readonly columns: Columns<'conntrack'>;
}

const little = endianness() === 'LE';
const FAMILY_HEADER = 4;
/** Subsystem and message (linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h). */
const message = { began: 0x100, ended: 0x102 } as const;
/** Flag of messages that answer a dump. */
const MULTI = 2;
const attribute = { original: 1, reply: 2 } as const;
const tuple = { addresses: 1, protocol: 2 } as const;
const ends = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const ports = { number: 1, source: 2, destination: 3 } as const;
const TYPE = 0x3fff;

type Attributes = ReadonlyMap<number, { readonly at: number; readonly end: number }>;

/** Reads a batch as the addon wrote it, and leaves out what is not translated. */
export function decodeConntrack(buffer: ArrayBuffer): MessageBatch<ConntrackEvent> {
  return readMessages(buffer, decodeMessage);
}

function decodeMessage({ view, start, end }: NetlinkMessage): ConntrackEvent | 'bad' | undefined {
  const type = view.getUint16(start + header.type, little);
  if (type !== message.began && type !== message.ended) return undefined;
  const columns = translationOf(view, attributes(view, start + header.bytes + FAMILY_HEADER, end));
  if (columns === 'bad' || columns === undefined) return columns;
  const isStanding = (view.getUint16(start + header.flags, little) & MULTI) !== 0;
  return { kind: type === message.ended ? 'ended' : isStanding ? 'standing' : 'began', columns };
}

interface Way {
  readonly protocol: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** Undefined: nothing is translated, or it has no ports. */
function translationOf(view: DataView, found: Attributes): Columns<'conntrack'> | 'bad' | undefined {
  const original = wayOf(view, found.get(attribute.original));
  const reply = wayOf(view, found.get(attribute.reply));
  if (original === 'bad' || reply === 'bad') return 'bad';
  if (original === undefined || reply === undefined) return undefined;
  const isUntouched =
    original.source === reply.destination &&
    original.sourcePort === reply.destinationPort &&
    original.destination === reply.source &&
    original.destinationPort === reply.sourcePort;
  if (isUntouched) return undefined;
  return {
    protocol: original.protocol,
    original_source: original.source,
    original_source_port: original.sourcePort,
    original_destination: original.destination,
    original_destination_port: original.destinationPort,
    reply_source: reply.source,
    reply_source_port: reply.sourcePort,
    reply_destination: reply.destination,
    reply_destination_port: reply.destinationPort,
  };
}

function wayOf(view: DataView, place: { at: number; end: number } | undefined): Way | 'bad' | undefined {
  if (place === undefined) return 'bad';
  const found = attributes(view, place.at, place.end);
  const [addresses, protocol] = [found.get(tuple.addresses), found.get(tuple.protocol)];
  if (addresses === undefined || protocol === undefined) return 'bad';
  const within = attributes(view, addresses.at, addresses.end);
  const of = attributes(view, protocol.at, protocol.end);
  const [number, from, to] = [of.get(ports.number), of.get(ports.source), of.get(ports.destination)];
  if (number === undefined || number.end - number.at < 1) return 'bad';
  if (from === undefined || to === undefined) return undefined;
  const source = addressOf(view, within, ends.source4, ends.source6);
  const destination = addressOf(view, within, ends.destination4, ends.destination6);
  if (source === undefined || destination === undefined || from.end - from.at < 2 || to.end - to.at < 2) return 'bad';
  return {
    protocol: view.getUint8(number.at),
    source,
    sourcePort: view.getUint16(from.at),
    destination,
    destinationPort: view.getUint16(to.at),
  };
}

function addressOf(view: DataView, found: Attributes, v4: number, v6: number): string | undefined {
  const [short, long] = [found.get(v4), found.get(v6)];
  if (short !== undefined && short.end - short.at >= 4) return address(view, short.at, 2);
  return long !== undefined && long.end - long.at >= 16 ? address(view, long.at, 10) : undefined;
}

/** Attributes by their type, each with where its value is. What does not fit ends the list. */
function attributes(view: DataView, from: number, end: number): Attributes {
  const found = new Map<number, { at: number; end: number }>();
  for (let at = from; at + 4 <= end; ) {
    const size = view.getUint16(at, little);
    if (size < 4 || at + size > end) break;
    found.set(view.getUint16(at + 2, little) & TYPE, { at: at + 4, end: at + size });
    at += (size + 3) & ~3;
  }
  return found;
}
