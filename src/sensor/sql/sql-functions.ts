import { createHash } from 'node:crypto';
import type { Database, SqlValue } from '@sqlite.org/sqlite-wasm';
import { RE2JS } from 're2js';
import { type ParsedAddress, parseAddress } from '../../core/address.js';
import { communityId } from '../../core/community-id.js';

type Argument = SqlValue | undefined;
type SqlFunction = (...values: Argument[]) => string | number | null;

/** osquery's own SQL functions, as far as they are about text, hashes and addresses. NULL in gives NULL. */
const functions: Readonly<Record<string, { readonly arguments: readonly number[]; readonly call: SqlFunction }>> = {
  split: {
    arguments: [3],
    call: (input, separators, index) => partAt(splitAtAny(text(input), text(separators)), index),
  },
  regex_split: {
    arguments: [3],
    call: (input, pattern, index) =>
      partAt(
        regex(pattern)
          .split(text(input))
          .filter((part) => part !== ''),
        index,
      ),
  },
  regex_match: { arguments: [3], call: (input, pattern, group) => regexGroup(text(input), pattern, Number(group)) },
  inet_aton: {
    arguments: [1],
    call: (address) => {
      const parsed = parseAddress(text(address));
      return parsed?.version === 4 ? parsed.words[0]! : null;
    },
  },
  in_cidr_block: { arguments: [2], call: (block, address) => inBlock(text(block), text(address)) },
  community_id_v1: { arguments: [5, 6], call: flowId },
  to_base64: { arguments: [1], call: (input) => Buffer.from(text(input)).toString('base64') },
  from_base64: { arguments: [1], call: (input) => Buffer.from(text(input), 'base64').toString() },
  conditional_to_base64: {
    arguments: [1],
    call: (input) => (/^[\x20-\x7e\s]*$/.test(text(input)) ? text(input) : Buffer.from(text(input)).toString('base64')),
  },
  md5: { arguments: [1], call: (input) => digest('md5', input) },
  sha1: { arguments: [1], call: (input) => digest('sha1', input) },
  sha256: { arguments: [1], call: (input) => digest('sha256', input) },
};

/** Makes the functions known to a database. */
export function installFunctions(database: Database): void {
  for (const [name, { arguments: counts, call }] of Object.entries(functions)) {
    for (const arity of counts) {
      const xFunc = (_context: number, ...values: SqlValue[]) => (values.includes(null) ? null : call(...values));
      database.createFunction({ name, arity, deterministic: true, xFunc });
    }
  }
}

function text(value: Argument): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value ?? '');
}

function partAt(parts: readonly string[], index: Argument): string | null {
  return parts[Number(index)] ?? null;
}

/** Each character of `separators` separates; nothing between two of them is no part. */
function splitAtAny(input: string, separators: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const letter of input) {
    if (!separators.includes(letter)) part += letter;
    else if (part !== '') {
      parts.push(part);
      part = '';
    }
  }
  return part === '' ? parts : [...parts, part];
}

/** Patterns run in linear time, whatever they are. Throws for a malformed one. */
function regex(pattern: Argument): RE2JS {
  return RE2JS.compile(text(pattern));
}

function regexGroup(input: string, pattern: Argument, group: number): string | null {
  const matcher = regex(pattern).matcher(input);
  return matcher.find() && group >= 0 && group <= matcher.groupCount() ? matcher.group(group) : null;
}

function digest(algorithm: string, input: Argument): string {
  return createHash(algorithm).update(text(input)).digest('hex');
}

/** 1 or 0; NULL when one is no address. */
function inBlock(block: string, address: string): number | null {
  const slash = block.lastIndexOf('/');
  const network = parseAddress(slash < 0 ? block : block.slice(0, slash));
  const inner = parseAddress(address);
  if (network === undefined || inner === undefined) return null;
  const width = network.words.length * 32;
  const bits = slash < 0 ? width : Number(block.slice(slash + 1));
  if (!Number.isInteger(bits) || bits < 0 || bits > width) return null;
  return network.version === inner.version && agree(network, inner, bits) ? 1 : 0;
}

function agree(network: ParsedAddress, inner: ParsedAddress, bits: number): boolean {
  return network.words.every((word, at) => {
    const own = Math.min(32, Math.max(0, bits - at * 32));
    const mask = own === 0 ? 0 : (0xffffffff << (32 - own)) >>> 0;
    return (word & mask) === (inner.words[at]! & mask);
  });
}

/** Source, destination, their ports, protocol number, seed. */
function flowId(...[source, destination, sourcePort, destinationPort, protocol, seed]: Argument[]): string | null {
  const [from, to] = [parseAddress(text(source)), parseAddress(text(destination))];
  if (from === undefined || to?.version !== from.version) return null;
  const ends = Int32Array.from([...from.words, ...to.words]);
  return communityId(
    ends,
    from.version,
    Number(protocol),
    Number(sourcePort),
    Number(destinationPort),
    Number(seed ?? 0),
  );
}
