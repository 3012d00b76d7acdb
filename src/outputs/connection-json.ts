import { connectionRecord } from '../conn/connection-record.js';
import { ConnectionView } from '../conn/connection-view.js';
import { formatSeconds, type Micros } from '../core/time.js';
import type {
  AmbiguousEnd,
  AttributedConnection,
  AttributedEnd,
  Candidate,
  End,
  Image,
  Process,
} from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import { kernelOf } from './connection-kernel.js';
import { ascii, LineBuffer, type Piece } from './line-buffer.js';
import { OwnerTexts } from './owner-texts.js';
import { type ShownCommandLine, shownCommandLine, shownElderCommandLine } from './shown-command-line.js';

/** Room for a connection's own fields: each text in them has a bound, and the rest is far below this. */
const FIELD_BYTES = 2048;

const TS = ascii('{"ts":');
const UID = ascii(',"uid":"');
const ORIG_H = ascii('","id.orig_h":"');
const ORIG_P = ascii('","id.orig_p":');
const RESP_H = ascii(',"id.resp_h":"');
const RESP_P = ascii('","id.resp_p":');
const PROTO = ascii(',"proto":"');
const QUOTE = ascii('"');
const SERVICE = ascii(',"service":');
const DURATION = ascii(',"duration":');
const ORIG_BYTES = ascii(',"orig_bytes":');
const RESP_BYTES = ascii(',"resp_bytes":');
const CONN_STATE = ascii(',"conn_state":"');
const MISSED_BYTES = ascii('","missed_bytes":');
const HISTORY = ascii(',"history":"');
const ORIG_PKTS = ascii(',"orig_pkts":');
const ORIG_IP_BYTES = ascii(',"orig_ip_bytes":');
const RESP_PKTS = ascii(',"resp_pkts":');
const RESP_IP_BYTES = ascii(',"resp_ip_bytes":');
const IP_PROTO = ascii(',"ip_proto":');
const VLAN = ascii(',"vlan":');
const INNER_VLAN = ascii(',"inner_vlan":');
const TUNNEL_PARENTS = ascii(',"tunnel_parents":');
const COMMUNITY_ID = ascii(',"community_id":"');
const CAUSE = ascii(',"cause":"');
const REV = ascii('","rev":');
const ORIG = ascii(',"orig":');
const RESP = ascii(',"resp":');
const END = ascii('}');

/**
 * Appends an attributed connection as one JSON line, by the schema `attributed-connection`: Zeek's field names, times in epoch seconds.
 * By hand, since it is done once per connection at line speed; JSON.stringify serves only text that may need escapes.
 */
export function writeConnection(line: LineBuffer, attributed: AttributedConnection): void {
  const { orig, resp } = attributed;
  if (orig.state === 'attributed') owners.fetch(orig);
  if (resp.state === 'attributed') owners.fetch(resp);
  writeRecord(line, attributed.connection);
  writeTail(line, attributed);
}

/** What is behind the fields of the connection. */
type Tail = Omit<AttributedConnection, 'connection' | 'capture'>;

function writeTail(line: LineBuffer, { cause, rev, orig, resp }: Tail): void {
  line.piece(CAUSE);
  line.plain(cause);
  line.piece(REV);
  line.integer(rev);
  line.piece(ORIG);
  writeEnd(line, orig);
  line.piece(RESP);
  writeEnd(line, resp);
  line.piece(END);
}

const scratch = new LineBuffer();

/** What `writeConnection` writes behind the fields of the connection, as text. */
export function connectionTail(tail: Tail): string {
  scratch.length = 0;
  scratch.reserve(FIELD_BYTES);
  writeTail(scratch, tail);
  return scratch.toString();
}

/** What `writeConnection` writes, as text. */
export function connectionLine(attributed: AttributedConnection): string {
  scratch.length = 0;
  writeConnection(scratch, attributed);
  return scratch.toString();
}

/** A connection that was never made an object goes from its record to the line; one whose record does not say all becomes an object. */
function writeRecord(line: LineBuffer, c: Connection): void {
  if (!(c instanceof ConnectionView)) writeFields(line, c);
  else if (kernelOf(c.memory)?.write(line, c) !== true) writeFields(line, connectionRecord(c));
}

function writeFields(line: LineBuffer, c: Connection): void {
  line.reserve(FIELD_BYTES + (c.history?.length ?? 0));
  line.piece(TS);
  line.seconds(c.ts);
  line.piece(UID);
  line.plain(c.uid);
  line.piece(ORIG_H);
  line.plain(c['id.orig_h']);
  line.piece(ORIG_P);
  line.integer(c['id.orig_p']);
  line.piece(RESP_H);
  line.plain(c['id.resp_h']);
  line.piece(RESP_P);
  line.integer(c['id.resp_p']);
  line.piece(PROTO);
  line.plain(c.proto);
  line.piece(QUOTE);
  if (c.service !== undefined) writeText(line, SERVICE, JSON.stringify(c.service));
  if (c.duration !== undefined) {
    line.piece(DURATION);
    line.seconds(c.duration);
  }
  if (c.orig_bytes !== undefined) writeInteger(line, ORIG_BYTES, c.orig_bytes);
  if (c.resp_bytes !== undefined) writeInteger(line, RESP_BYTES, c.resp_bytes);
  line.piece(CONN_STATE);
  line.plain(c.conn_state);
  writeInteger(line, MISSED_BYTES, c.missed_bytes);
  if (c.history !== undefined) {
    line.piece(HISTORY);
    line.plain(c.history);
    line.piece(QUOTE);
  }
  writeInteger(line, ORIG_PKTS, c.orig_pkts);
  writeInteger(line, ORIG_IP_BYTES, c.orig_ip_bytes);
  writeInteger(line, RESP_PKTS, c.resp_pkts);
  writeInteger(line, RESP_IP_BYTES, c.resp_ip_bytes);
  writeInteger(line, IP_PROTO, c.ip_proto);
  if (c.vlan !== undefined) writeInteger(line, VLAN, c.vlan);
  if (c.inner_vlan !== undefined) writeInteger(line, INNER_VLAN, c.inner_vlan);
  if (c.tunnel_parents !== undefined) writeText(line, TUNNEL_PARENTS, JSON.stringify(c.tunnel_parents));
  if (c.community_id !== undefined) {
    line.piece(COMMUNITY_ID);
    line.plain(c.community_id);
    line.piece(QUOTE);
  }
}

function writeInteger(line: LineBuffer, name: Piece, value: number): void {
  line.piece(name);
  line.integer(value);
}

/** A field whose value is of any length; makes room for what follows again. */
function writeText(line: LineBuffer, name: Piece, json: string): void {
  line.piece(name);
  line.text(json);
  line.reserve(FIELD_BYTES);
}

function writeEnd(line: LineBuffer, end: End): void {
  if (end.state === 'attributed') writeOwned(line, end);
  else if (end.state === 'unattributed' && end.reason === 'no_agent' && end.host === undefined) line.piece(NO_AGENT);
  else line.text(stringifyTimed(endObject(end)));
  line.reserve(FIELD_BYTES);
}

const ATTRIBUTED = ascii('{"state":"attributed","method":"');
const AFTER_METHOD = ascii('",');
const CONTAINER = ascii(',"container":');
const SHARERS = ascii(',"sharers":');
const NAT = ascii(',"nat":');

const owners = new OwnerTexts();

/** What `ownerObject` has, in the same order. Ends of one process share its record. */
function writeOwned(line: LineBuffer, end: AttributedEnd): void {
  line.reserve(FIELD_BYTES);
  line.piece(ATTRIBUTED);
  line.plain(end.method);
  line.piece(AFTER_METHOD);
  owners.write(line, end);
  line.reserve(FIELD_BYTES);
  if (end.container !== undefined) writeText(line, CONTAINER, stringifyTimed(end.container));
  if (end.sharers !== undefined) writeText(line, SHARERS, stringifyTimed(sharersOf(end)));
  if (end.nat !== undefined) writeText(line, NAT, stringifyTimed(end.nat));
  line.piece(END);
}

const NO_AGENT = ascii('{"state":"unattributed","reason":"no_agent"}');

/** A time that is to be printed as epoch seconds from its integer. */
class Seconds {
  constructor(readonly us: Micros) {}
}

/** What is JSON already. */
class Json {
  constructor(readonly text: string) {}
}

/** JSON of a value in which Seconds stand for times; undefined fields are left out. */
function stringifyTimed(value: unknown): string {
  if (value instanceof Seconds) return formatSeconds(value.us);
  if (value instanceof Json) return value.text;
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
  const { cwd, sha256, ancestors, ...image } = process;
  return {
    ...imageObject(image, shownCommandLine(image.cmdline)),
    cwd,
    sha256,
    ancestors: ancestors?.map((ancestor, i) =>
      imageObject(ancestor, (i === 0 ? shownCommandLine : shownElderCommandLine)(ancestor.cmdline)),
    ),
  };
}

function imageObject({ pid, start, name, path }: Image, shown: ShownCommandLine) {
  return { pid, start: seconds(start), name, path, ...shown };
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
    sharers: sharersOf(owner),
  };
}

const sharersOf = ({ sharers }: Owned) => sharers?.map(({ pid, start }) => ({ pid, start: seconds(start) }));

/** From so many candidates on the text is made once for all ends that share them. */
const MANY = 8;
const texts = new WeakMap<AmbiguousEnd['candidates'], Json>();

function candidatesText(end: AmbiguousEnd): Json {
  const known = texts.get(end.candidates);
  if (known !== undefined) return known;
  const text = new Json(stringifyTimed(candidatesOf(end)));
  texts.set(end.candidates, text);
  return text;
}

function candidatesOf({ candidates }: AmbiguousEnd): object[] {
  return candidates.map((candidate) => ({
    ...ownerObject(candidate),
    from: seconds(candidate.from),
    to: seconds(candidate.to),
    tie: candidate.tie,
  }));
}

function endObject(end: End): object {
  switch (end.state) {
    case 'attributed':
      return { state: end.state, ...ownerObject(end), nat: end.nat };
    case 'ambiguous':
      return {
        state: end.state,
        candidates: end.candidates.length < MANY ? candidatesOf(end) : candidatesText(end),
        nat: end.nat,
      };
    case 'pending':
      return { state: end.state };
    case 'unattributed':
      return {
        state: end.state,
        reason: end.reason,
        host: end.host,
        packet_sockets: end.packet_sockets?.map((holder) => imageObject(holder, shownElderCommandLine(holder.cmdline))),
        nat: end.nat,
      };
  }
}

/** The same line as a plain object, as alerts carry it. */
export function connectionObject(attributed: AttributedConnection): object {
  return JSON.parse(connectionLine(attributed)) as object;
}

/** An end as a plain object with times in epoch seconds. */
export function endJsonObject(end: End): object {
  return JSON.parse(stringifyTimed(endObject(end))) as object;
}
