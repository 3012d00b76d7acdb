import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { limits } from '../core/limits.js';

const name = Type.String({ minLength: 1, maxLength: limits.hostNameChars });
const integer = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const id = Type.Integer({ minimum: 0, maximum: 2 ** 31 });
const names = (maxItems: number) => Type.Array(name, { maxItems });
const sentence = Type.String({ maxLength: 1024 });

/** Members that no version names are refused, so that a mistake shows at once. */
function message<T extends string, P extends Record<string, TSchema>>(type: T, members: P) {
  return Type.Object({ type: Type.Literal(type), ...members }, { additionalProperties: false });
}

/** What an SQL result looks like on the wire; an integer beyond 2^53 is its decimal text within an object. */
const value = Type.Union([
  Type.String(),
  Type.Number(),
  Type.Null(),
  Type.Object({ integer: Type.String({ pattern: '^-?\\d{1,19}$' }) }, { additionalProperties: false }),
]);
export type WireValue = Static<typeof value>;
const table = Type.Array(Type.Array(value, { maxItems: limits.hostRowColumns }), { maxItems: limits.queryRowsMost });
const failure = Type.Object(
  { code: Type.String({ maxLength: 64 }), message: Type.String({ maxLength: 4096 }) },
  { additionalProperties: false },
);

const hello = message('hello', {
  host: name,
  /** Random, new with every start of the agent: the same agent that connects anew has the same. */
  run: name,
  /** The program's version. */
  version: name,
  boot: Type.Optional(name),
  groups: names(limits.agentGroups),
  /** Tables that `execute` and `subscribe` may name; empty: the agent answers no SQL. */
  tables: names(limits.agentTables),
  limited: Type.Array(sentence, { maxItems: limits.agentSentences }),
  /** The host's clock as it says hello. */
  time: integer,
  /** What rows it holds: of journal `id`, sequences below `next`. Rows about what still stands come first, whatever their age. */
  journal: Type.Object({ id: name, next: count }, { additionalProperties: false }),
  /** Known to this agent alone: whoever first came with a host id speaks for it, and shows the same token every time. */
  token: name,
});

const welcome = message('welcome', {
  version: name,
  /** The last row that the engine has of this journal. Absent: none, the agent tells all it holds. */
  received: Type.Optional(count),
  /** Most rows that the agent may send in a second, over ten seconds. */
  rowsPerSecond: Type.Integer({ minimum: 1, maximum: 1e9 }),
  /** Most rows sent and not acknowledged. */
  window: Type.Integer({ minimum: 1, maximum: 1e9 }),
  /** Watermarks are sent no more often than this when there is nothing else to send. */
  completeEveryMs: Type.Integer({ minimum: 1, maximum: 600_000 }),
  /** Silence of the engine for this long means that the connection is dead. */
  silenceMs: Type.Integer({ minimum: 1000, maximum: 3_600_000 }),
});

/** Rows up to `received` are with the engine; those up to `releasable` it will not ask for again. */
const ack = message('ack', { received: count, releasable: Type.Optional(count) });

/** The engine asks for the host's clock, and the agent answers at once with when it read the question and when it wrote the answer. */
const askClock = message('ask_clock', { id });
const clock = message('clock', { id, received: integer, sent: integer });

const execute = message('execute', {
  id,
  sql: Type.String({ minLength: 1, maxLength: limits.queryChars }),
  rows: Type.Integer({ minimum: 1, maximum: limits.queryRowsMost }),
  timeoutMs: Type.Integer({ minimum: 1, maximum: 600_000 }),
});
const result = message('result', {
  id,
  columns: Type.Optional(names(limits.hostRowColumns)),
  rows: Type.Optional(table),
  error: Type.Optional(failure),
  /** Another message with more rows of this result follows. */
  more: Type.Optional(Type.Boolean()),
});

/**
 * Which rows of a result are told when it is evaluated again: those that are new, those that went, both, or all. events: those of
 * event tables, each once.
 */
export const subscriptionKind = Type.Union([
  Type.Literal('added'),
  Type.Literal('removed'),
  Type.Literal('both'),
  Type.Literal('snapshot'),
  Type.Literal('events'),
]);
export type SubscriptionKind = Static<typeof subscriptionKind>;

const subscribe = message('subscribe', {
  id,
  sql: Type.String({ minLength: 1, maxLength: limits.queryChars }),
  intervalMs: Type.Integer({ minimum: 100, maximum: 86_400_000 }),
  kind: subscriptionKind,
  cookie: Type.Optional(Type.String({ maxLength: 256 })),
});
const unsubscribe = message('unsubscribe', { id });
const difference = message('difference', {
  id,
  /** Grows by one with every evaluation that is told; 0 is the first after `subscribe`, whose `added` is the whole result. */
  counter: count,
  time: integer,
  cookie: Type.Optional(Type.String({ maxLength: 256 })),
  columns: Type.Optional(names(limits.hostRowColumns)),
  added: Type.Optional(table),
  removed: Type.Optional(table),
  /** With kind snapshot, the whole result instead. */
  snapshot: Type.Optional(table),
  error: Type.Optional(failure),
  /** Another message of this evaluation follows. */
  more: Type.Optional(Type.Boolean()),
});

/** What has changed about the agent itself since its hello. */
const status = message('status', {
  limited: Type.Array(sentence, { maxItems: limits.agentSentences }),
  /** Rows dropped at the bound of the spool, and secrets taken out of command lines, since the agent started. */
  dropped: count,
  redacted: count,
});
/** The agent ends its run: what comes after its last row is not watched. */
const leave = message('leave', { reason: sentence });

/** What an agent sends, besides rows (row-message.ts). */
export const agentMessages = { hello, clock, result, difference, status, leave } as const;
/** What an engine sends. */
export const engineMessages = {
  welcome,
  ack,
  ask_clock: askClock,
  execute,
  subscribe,
  unsubscribe,
} as const;

type MessageOf<T extends Record<string, TSchema>> = { [K in keyof T]: Static<T[K]> }[keyof T];
export type AgentMessage = MessageOf<typeof agentMessages>;
export type EngineMessage = MessageOf<typeof engineMessages>;
export type Hello = Static<typeof hello>;
export type Welcome = Static<typeof welcome>;
export type Execute = Static<typeof execute>;
export type Subscribe = Static<typeof subscribe>;
export type Result = Static<typeof result>;
export type Difference = Static<typeof difference>;
