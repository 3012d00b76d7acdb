import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { CorrelateError, fileProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { type SensorChoice, sensorChoices } from '../sensor/sensor-method.js';

/** What an agent can be told, in its configuration file or as options; those win. */
export interface AgentConfig {
  readonly server?: string;
  readonly secretFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly hostId?: string;
  readonly groups?: readonly string[];
  readonly netns?: 'self' | 'all';
  readonly spool?: string;
  /** Most bytes of the spool. */
  readonly spoolSize?: number;
  readonly sensor?: SensorChoice;
  /** Patterns of what is a secret in a command line, besides the default ones. */
  readonly redact?: readonly string[];
  readonly redactDefaults?: boolean;
}

type Read = { readonly value: unknown } | { readonly problem: string };

const text = (value: unknown): Read =>
  typeof value === 'string' && value !== '' && value.length <= 4096 ? { value } : { problem: 'text is wanted' };
const oneOf =
  (...choices: readonly string[]) =>
  (value: unknown): Read =>
    choices.includes(value as string) ? { value } : { problem: `one of ${choices.join(', ')} is wanted` };

/** What each member of the file must be, by its name there, and its name in the program. */
const members: Readonly<Record<string, { readonly name: keyof AgentConfig; readonly read: (value: unknown) => Read }>> =
  {
    server: { name: 'server', read: text },
    'secret-file': { name: 'secretFile', read: text },
    ca: { name: 'ca', read: text },
    cert: { name: 'cert', read: text },
    key: { name: 'key', read: text },
    'host-id': { name: 'hostId', read: text },
    groups: { name: 'groups', read: list },
    netns: { name: 'netns', read: oneOf('self', 'all') },
    spool: { name: 'spool', read: text },
    'spool-size': { name: 'spoolSize', read: size },
    sensor: { name: 'sensor', read: oneOf(...sensorChoices) },
    redact: { name: 'redact', read: list },
    'redact-defaults': {
      name: 'redactDefaults',
      read: (value) => (typeof value === 'boolean' ? { value } : { problem: 'true or false is wanted' }),
    },
  };

function list(value: unknown): Read {
  const isList = Array.isArray(value) && value.length <= limits.agentGroups;
  const isText = isList && value.every((each) => typeof each === 'string' && each !== '' && each.length <= 512);
  return isText ? { value } : { problem: `a list of at most ${limits.agentGroups} texts is wanted` };
}

function size(value: unknown): Read {
  const match = /^(\d{1,12})([kMG]?)$/.exec(String(value));
  const bytes =
    match && Number(match[1]) * { '': 1, k: 1 << 10, M: 1 << 20, G: 1 << 30 }[match[2] as '' | 'k' | 'M' | 'G'];
  return bytes && bytes >= 1 << 20 ? { value: bytes } : { problem: 'a size of at least 1M is wanted' };
}

/** Reads the configuration file of an agent (YAML). Throws CONFIG_OPEN_FAILED, or CONFIG_MALFORMED with every problem and its `file:line:column`. */
export function readAgentConfig(path: string): AgentConfig {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CorrelateError('CONFIG_OPEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
  }
  return parseAgentConfig(source, path);
}

/** As readAgentConfig, from text; `path` is for messages. */
export function parseAgentConfig(source: string, path: string): AgentConfig {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const problems: string[] = [];
  const problem = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push(`${path}:${line}:${col}: ${message}`);
  };
  for (const error of document.errors) problem(error.pos[0], error.message);
  const config: Record<string, unknown> = {};
  const { contents } = document;
  if (problems.length === 0 && contents !== null && !isMap(contents)) problem(startOf(contents), 'a map is wanted');
  if (problems.length === 0 && isMap(contents)) {
    for (const { key, value } of contents.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (member === undefined) {
        problem(startOf(key as Node), `${name || 'this'} is not known; known are ${Object.keys(members).join(', ')}`);
        continue;
      }
      const read = member.read(plain(value as Node | null));
      if ('problem' in read) problem(startOf((value ?? key) as Node), `${name}: ${read.problem}`);
      else config[member.name] = read.value;
    }
  }
  if (problems.length > 0) throw new CorrelateError('CONFIG_MALFORMED', problems.join('\n'));
  return config as AgentConfig;
}

const startOf = (node: Node): number => node.range?.[0] ?? 0;

/** Scalars and lists of them; anything else is no value of a member. */
function plain(node: Node | null): unknown {
  if (isScalar(node)) return node.value;
  return isSeq(node) ? node.items.map((item) => (isScalar(item) ? item.value : undefined)) : undefined;
}
