import type { TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { type AgentMessage, agentMessages, type EngineMessage, engineMessages } from './message.js';
import { type RowBatch, readRows } from './row-message.js';

/** A frame that is no message of the protocol, and what is wrong with it. */
export class Malformed {
  readonly type = 'malformed';
  constructor(readonly problem: string) {}
}

type Checks = ReadonlyMap<string, TypeCheck<TSchema>>;

const compiled = (messages: Readonly<Record<string, TSchema>>): Checks =>
  new Map(Object.entries(messages).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]));

const fromAgent = compiled(agentMessages);
const fromEngine = compiled(engineMessages);

/** The one way in for what an agent sends. Rows get the id of the host that the connection is enrolled for. */
export function readAgentMessage(text: string, host: string): AgentMessage | RowBatch | Malformed {
  const message = parse(text);
  if (message === undefined) return notJson;
  if (message.type === 'rows') {
    const batch = readRows(message, host);
    return typeof batch === 'string' ? new Malformed(batch) : batch;
  }
  return check(message, fromAgent) ?? (message as unknown as AgentMessage);
}

/** The one way in for what an engine sends. */
export function readEngineMessage(text: string): EngineMessage | Malformed {
  const message = parse(text);
  if (message === undefined) return notJson;
  return check(message, fromEngine) ?? (message as unknown as EngineMessage);
}

const notJson = new Malformed('a frame is no JSON object');

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with a message; undefined when nothing is. */
function check(message: Readonly<Record<string, unknown>>, checks: Checks): Malformed | undefined {
  const { type } = message;
  const known = typeof type === 'string' ? checks.get(type) : undefined;
  if (known === undefined) return new Malformed('a message has an unknown type');
  if (known.Check(message)) return undefined;
  const first = known.Errors(message).First();
  return new Malformed(`${String(type)}${first?.path ?? ''}: ${first?.message ?? 'not as it should be'}`);
}
