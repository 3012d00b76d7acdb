import type { ErrorCode } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { RegisteredHost } from '../hosts/registry/registered-host.js';
import type { Difference, SubscriptionKind, WireValue } from '../wire/message.js';
import type { AgentConnection } from './agent-connection.js';
import type { ApiError, SubscriptionUpdate } from './api-messages.js';

type Row = readonly WireValue[];
/** Rows of a result, each with how often it is in it. */
type RowSet = Map<string, { readonly row: Row; count: number }>;

/** Whom a subscription is about. */
export interface SubscriptionTarget {
  readonly hosts?: readonly string[];
  readonly groups?: readonly string[];
  readonly all?: true;
}

export interface SubscriptionOptions {
  readonly sql: string;
  readonly intervalMs: number;
  readonly kind: SubscriptionKind;
  readonly target: SubscriptionTarget;
  readonly cookie?: string;
}

/** One subscription on one host. */
interface HostState {
  connection: AgentConnection | undefined;
  /** Counter of the next message. */
  expected: number;
  /** The whole result as it was last told. */
  known: RowSet;
  /** Parts of an evaluation that is not told to its end. */
  added: WireValue[][];
  removed: WireValue[][];
  /** These parts are of the first evaluation, which tells the whole result. */
  isWhole: boolean;
}

interface Subscription {
  readonly id: number;
  readonly options: SubscriptionOptions;
  readonly onUpdate: (update: SubscriptionUpdate) => void;
  readonly hosts: Map<string, HostState>;
}

/**
 * Queries that hosts evaluate again and again. They are made on every host that is meant, also on those that join, or come into a group,
 * later. After a reconnect a host tells its whole result; it is compared with what was known, so that neither a gap nor a row
 * told twice shows. Bound: `limits.agentSubscriptions`.
 */
export class HostSubscriptions {
  readonly #subscriptions = new Map<number, Subscription>();
  #nextId = 1;

  get size(): number {
    return this.#subscriptions.size;
  }

  /**
   * Begins on the hosts that are there. Returns what ends it everywhere and frees all that is kept for it; undefined when there are too
   * many.
   */
  subscribe(
    options: SubscriptionOptions,
    connections: Iterable<AgentConnection>,
    onUpdate: (update: SubscriptionUpdate) => void,
  ): (() => void) | undefined {
    if (this.#subscriptions.size >= limits.agentSubscriptions) return undefined;
    const id = this.#nextId++;
    const subscription: Subscription = { id, options, onUpdate, hosts: new Map() };
    this.#subscriptions.set(id, subscription);
    for (const connection of connections) this.#apply(subscription, connection);
    return () => {
      this.#subscriptions.delete(id);
      for (const { connection } of subscription.hosts.values()) connection?.send({ type: 'unsubscribe', id });
    };
  }

  /** The host was welcomed, or its groups have changed. */
  hostChanged(connection: AgentConnection): void {
    for (const subscription of this.#subscriptions.values()) this.#apply(subscription, connection);
  }

  /** Its agent forgets subscriptions with the connection. */
  closed(connection: AgentConnection): void {
    const id = connection.host?.id;
    if (id === undefined) return;
    for (const { hosts } of this.#subscriptions.values()) {
      const state = hosts.get(id);
      if (state?.connection === connection) state.connection = undefined;
    }
  }

  #apply(subscription: Subscription, connection: AgentConnection): void {
    const host = connection.host!;
    const state = subscription.hosts.get(host.id);
    if (!isMeant(subscription.options.target, host)) {
      if (state === undefined) return;
      subscription.hosts.delete(host.id);
      state.connection?.send({ type: 'unsubscribe', id: subscription.id });
      return;
    }
    if (state?.connection === connection) return;
    this.#begin(subscription, connection, state?.known ?? new Map());
  }

  #begin({ id, options, hosts }: Subscription, connection: AgentConnection, known: RowSet): void {
    const { sql, intervalMs, kind, cookie } = options;
    hosts.set(connection.host!.id, { connection, expected: 0, known, added: [], removed: [], isWhole: true });
    // Whatever is wanted, the engine has to know the whole result, to go on after a reconnect.
    const told = kind === 'snapshot' ? kind : 'both';
    connection.send({ type: 'subscribe', id, sql, intervalMs, kind: told, ...(cookie !== undefined && { cookie }) });
  }

  /** What a host tells of a subscription. */
  difference(connection: AgentConnection, message: Difference): void {
    const subscription = this.#subscriptions.get(message.id);
    const host = connection.host!.id;
    const state = subscription?.hosts.get(host);
    if (subscription === undefined || state?.connection !== connection) return;
    if (message.counter !== state.expected) {
      // Something is missing: the whole result once more.
      this.#begin(subscription, connection, state.known);
      return;
    }
    state.expected++;
    const { time, columns = [], error, snapshot, more } = message;
    const { cookie } = subscription.options;
    const head = { host, time: time / 1e6, ...(cookie !== undefined && { cookie }) };
    if (error !== undefined) {
      subscription.onUpdate({
        ...head,
        error: { code: error.code as ErrorCode, message: error.message } satisfies ApiError,
      });
      return;
    }
    if (snapshot !== undefined) {
      subscription.onUpdate({ ...head, columns, snapshot });
      return;
    }
    state.added.push(...(message.added ?? []));
    state.removed.push(...(message.removed ?? []));
    if (more === true) return;
    const { added, removed } = state.isWhole ? this.#compare(state) : this.#change(state);
    state.isWhole = false;
    state.added = [];
    state.removed = [];
    const { kind } = subscription.options;
    const update = {
      ...(kind !== 'removed' && added.length > 0 && { added }),
      ...((kind === 'both' || kind === 'removed') && removed.length > 0 && { removed }),
    };
    if (Object.keys(update).length > 0) subscription.onUpdate({ ...head, columns, ...update });
  }

  /** The first result of a connection against what was known from the one before. */
  #compare(state: HostState): { added: Row[]; removed: Row[] } {
    const now = rowSet(state.added);
    const { known } = state;
    state.known = now;
    return { added: surplus(now, known), removed: surplus(known, now) };
  }

  #change(state: HostState): { added: Row[]; removed: Row[] } {
    const { known, added, removed } = state;
    for (const row of removed) {
      const key = JSON.stringify(row);
      const entry = known.get(key);
      if (entry !== undefined && --entry.count === 0) known.delete(key);
    }
    for (const row of added) count(known, row);
    return { added, removed };
  }
}

function isMeant({ hosts, groups, all }: SubscriptionTarget, host: RegisteredHost): boolean {
  if (all === true) return true;
  return hosts?.includes(host.id) === true || groups?.some((group) => host.groups.includes(group)) === true;
}

function count(set: RowSet, row: Row): void {
  const key = JSON.stringify(row);
  const entry = set.get(key);
  if (entry === undefined) set.set(key, { row, count: 1 });
  else entry.count++;
}

function rowSet(rows: readonly Row[]): RowSet {
  const set: RowSet = new Map();
  for (const row of rows) count(set, row);
  return set;
}

/** Rows that are in a set more often than in another. */
function surplus(of: RowSet, over: RowSet): Row[] {
  const rows: Row[] = [];
  for (const [key, { row, count: times }] of of) {
    for (let more = times - (over.get(key)?.count ?? 0); more > 0; more--) rows.push(row);
  }
  return rows;
}
