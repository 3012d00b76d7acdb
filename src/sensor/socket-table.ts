import { endianness } from 'node:os';
import { formatIpv4, formatIpv6 } from '../core/address.js';

/** An internet socket as /proc/net shows it, with the columns of osquery's process_open_sockets. */
export interface ProcSocket {
  readonly inode: number;
  readonly family: 2 | 10;
  readonly protocol: number;
  readonly local_address: string;
  readonly local_port: number;
  readonly remote_address: string;
  readonly remote_port: number;
  /** TCP only. */
  readonly state: string | undefined;
}

/**
 * The files of /proc/net that list sockets, with osquery's protocol numbers: a raw socket has IPPROTO_RAW, and the number of
 * the protocol that it reads and writes stands in its local port, as the kernel shows it. `counter` is the name under which
 * sockstat and sockstat6 count the sockets; ping sockets are not counted.
 */
export const socketFiles = [
  { name: 'tcp', family: 2, protocol: 6, counter: 'TCP' },
  { name: 'tcp6', family: 10, protocol: 6, counter: 'TCP6' },
  { name: 'udp', family: 2, protocol: 17, counter: 'UDP' },
  { name: 'udp6', family: 10, protocol: 17, counter: 'UDP6' },
  { name: 'raw', family: 2, protocol: 255, counter: 'RAW' },
  { name: 'raw6', family: 10, protocol: 255, counter: 'RAW6' },
  { name: 'icmp', family: 2, protocol: 1, counter: '' },
  { name: 'icmp6', family: 10, protocol: 58, counter: '' },
] as const;
export type SocketFile = (typeof socketFiles)[number];

/** The sockets of one of the files. */
export interface SocketTable {
  readonly sockets: readonly ProcSocket[];
  /** The sockets by what their lines said. */
  readonly byText: ReadonlyMap<string, ProcSocket>;
  /** A connection is established that its listener has not accepted yet, so that it has no inode. */
  readonly hasUnaccepted: boolean;
}

/** The kernel's TCP states by number (include/net/tcp_states.h), with osquery's names. */
export const tcpStates = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
] as const;

const isLittleEndian = endianness() === 'LE';

/** Characters from the end of the state to the user id: queues, timer and retransmissions. */
const QUEUE_CHARS = 39;
const BLANK = 32;

/**
 * Parses one of the files. Sockets without an inode (TIME_WAIT, half-open, not yet accepted, orphaned) belong to no process
 * and are left out, and so are lines that do not fit. At most `room` sockets are returned. Those of `before`, the same table
 * as it was, are taken over where the line says the same: most of a busy table does not change between two polls.
 */
export function parseSocketTable(text: string, file: SocketFile, room: number, before?: SocketTable): SocketTable {
  const sockets: ProcSocket[] = [];
  const byText = new Map<string, ProcSocket>();
  const tupleChars = file.family === 2 ? 30 : 78;
  let hasUnaccepted = false;
  let line = text.indexOf('\n') + 1;
  while (line > 0 && line < text.length && sockets.length < room) {
    const start = text.indexOf(':', line) + 2;
    const end = text.indexOf('\n', line);
    line = end + 1;
    if (start < 2 || (end >= 0 && start > end)) continue;
    const tuple = text.slice(start, start + tupleChars);
    const inode = wordAt(text, skipWord(text, skipWord(text, start + tupleChars + QUEUE_CHARS)));
    if (inode === '0') {
      hasUnaccepted ||= tuple.endsWith(' 01') || tuple.endsWith(' 08');
      continue;
    }
    const key = `${tuple} ${inode}`;
    const socket = before?.byText.get(key) ?? parseSocket(tuple.split(' '), Number(inode), file);
    if (socket === undefined) continue;
    sockets.push(socket);
    byText.set(key, socket);
  }
  return { sockets, byText, hasUnaccepted };
}

/** Where the word at `at`, after blanks, ends. */
function skipWord(text: string, at: number): number {
  let end = at;
  while (text.charCodeAt(end) === BLANK) end++;
  while (end < text.length && text.charCodeAt(end) !== BLANK) end++;
  return end;
}

function wordAt(text: string, at: number): string {
  return text.slice(at, skipWord(text, at)).trim();
}

function parseSocket(
  [localText, remoteText, stateText]: readonly string[],
  inode: number,
  { family, protocol }: SocketFile,
): ProcSocket | undefined {
  const local = parseEndpoint(localText, family);
  const remote = parseEndpoint(remoteText, family);
  if (!Number.isSafeInteger(inode) || inode <= 0 || local === undefined || remote === undefined) return undefined;
  return {
    inode,
    family,
    protocol,
    local_address: local.address,
    local_port: local.port,
    remote_address: remote.address,
    remote_port: remote.port,
    state: protocol === 6 ? (tcpStates[Number.parseInt(stateText!, 16)] ?? 'UNKNOWN') : undefined,
  };
}

/** `0100007F:1F90`: the address as words in the machine's byte order, the port as a plain number. */
function parseEndpoint(text: string | undefined, family: 2 | 10): { address: string; port: number } | undefined {
  const digits = family === 2 ? 8 : 32;
  if (text === undefined || text.length !== digits + 5 || text[digits] !== ':') return undefined;
  const port = Number.parseInt(text.slice(digits + 1), 16);
  const words: number[] = [];
  for (let i = 0; i < digits; i += 8) words.push(hexWord(text.slice(i, i + 8)));
  if (Number.isNaN(port) || words.some(Number.isNaN)) return undefined;
  return {
    address: family === 2 ? formatIpv4(words[0]!) : formatIpv6(words[0]!, words[1]!, words[2]!, words[3]!),
    port,
  };
}

/** A word of an address in network order, from its eight digits in the machine's order. */
export function hexWord(digits: string): number {
  const word = Number.parseInt(digits, 16);
  if (!isLittleEndian || Number.isNaN(word)) return word;
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
