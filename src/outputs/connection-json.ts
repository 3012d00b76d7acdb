import { formatSeconds, type Micros } from '../core/time.js';
import type { AttributedConnection, Candidate, End, Process } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';

/**
 * An attributed connection as one JSON line, by the schema `attributed-connection`: Zeek's field names, times in epoch seconds.
 * Written by hand since it is done once per connection at line speed; JSON.stringify serves only text that may need escapes.
 */
export function connectionLine(attributed: AttributedConnection): string {
  return `${connectionFields(attributed.connection)},"cause":"${attributed.cause}","rev":${attributed.rev},"orig":${endJson(attributed.orig)},"resp":${endJson(attributed.resp)}}`;
}

function connectionFields(c: Connection): string {
  let line = `{"ts":${formatSeconds(c.ts)},"uid":"${c.uid}","id.orig_h":"${c['id.orig_h']}","id.orig_p":${c['id.orig_p']},"id.resp_h":"${c['id.resp_h']}","id.resp_p":${c['id.resp_p']},"proto":"${c.proto}"`;
  if (c.service !== undefined) line += `,"service":${JSON.stringify(c.service)}`;
  if (c.duration !== undefined) line += `,"duration":${formatSeconds(c.duration)}`;
  if (c.orig_bytes !== undefined) line += `,"orig_bytes":${c.orig_bytes}`;
  if (c.resp_bytes !== undefined) line += `,"resp_bytes":${c.resp_bytes}`;
  line += `,"conn_state":"${c.conn_state}","missed_bytes":${c.missed_bytes}`;
  if (c.history !== undefined) line += `,"history":"${c.history}"`;
  line += `,"orig_pkts":${c.orig_pkts},"orig_ip_bytes":${c.orig_ip_bytes},"resp_pkts":${c.resp_pkts},"resp_ip_bytes":${c.resp_ip_bytes},"ip_proto":${c.ip_proto}`;
  if (c.vlan !== undefined) line += `,"vlan":${c.vlan}`;
  if (c.inner_vlan !== undefined) line += `,"inner_vlan":${c.inner_vlan}`;
  if (c.community_id !== undefined) line += `,"community_id":"${c.community_id}"`;
  return line;
}

const NO_AGENT = '{"state":"unattributed","reason":"no_agent"}';

function endJson(end: End): string {
  if (end.state === 'unattributed' && end.reason === 'no_agent' && end.host === undefined) return NO_AGENT;
  return stringifyTimed(endObject(end));
}

/** A time that is to be printed as epoch seconds from its integer. */
class Seconds {
  constructor(readonly us: Micros) {}
}

/** JSON of a value in which Seconds stand for times; undefined fields are left out. */
function stringifyTimed(value: unknown): string {
  if (value instanceof Seconds) return formatSeconds(value.us);
  if (Array.isArray(value)) return `[${value.map(stringifyTimed).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields: string[] = [];
    for (const [key, field] of Object.entries(value)) {
      if (field !== undefined) fields.push(`${JSON.stringify(key)}:${stringifyTimed(field)}`);
    }
    return `{${fields.join(',')}}`;
  }
  return JSON.stringify(value);
}

const seconds = (us: Micros | undefined) => (us === undefined ? undefined : new Seconds(us));

function processObject(process: Process) {
  const { pid, start, ancestors, ...image } = process;
  return {
    pid,
    start: seconds(start),
    ...image,
    ancestors: ancestors?.map((ancestor) => ({ ...ancestor, start: seconds(ancestor.start) })),
  };
}

type Owned = Omit<Candidate, 'tie' | 'from' | 'to'>;

function ownerObject(owner: Owned) {
  return {
    method: owner.method,
    host: owner.host,
    clock: owner.clock && { offset: new Seconds(owner.clock.offset), err: new Seconds(owner.clock.err) },
    process: processObject(owner.process),
    user: owner.user,
    container: owner.container,
    sharers: owner.sharers?.map(({ pid, start }) => ({ pid, start: seconds(start) })),
  };
}

function endObject(end: End): object {
  switch (end.state) {
    case 'attributed':
      return { state: end.state, ...ownerObject(end) };
    case 'ambiguous':
      return {
        state: end.state,
        candidates: end.candidates.map((candidate) => ({
          ...ownerObject(candidate),
          from: seconds(candidate.from),
          to: seconds(candidate.to),
          tie: candidate.tie,
        })),
      };
    case 'pending':
      return { state: end.state };
    case 'unattributed':
      return { state: end.state, reason: end.reason, host: end.host };
  }
}

/** The same line as a plain object, as alerts carry it. */
export function connectionObject(attributed: AttributedConnection): object {
  return JSON.parse(connectionLine(attributed)) as object;
}

/** An end as a plain object with times in epoch seconds. */
export function endJsonObject(end: End): object {
  return JSON.parse(endJson(end)) as object;
}
