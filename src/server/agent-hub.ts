import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { SubnetGroup } from '../hosts/registry/host-groups.js';
import { type HostEvent, HostRegistry } from '../hosts/registry/host-registry.js';
import type { RegisteredHost } from '../hosts/registry/registered-host.js';
import type { HostRow } from '../records/host-row.js';
import type { AgentMessage, Hello } from '../wire/message.js';
import type { RowBatch } from '../wire/row-message.js';
import { AgentConnection, type ConnectionOwner, type Peer } from './agent-connection.js';
import { ClockQuestions } from './clock-questions.js';
import { completeEveryMs, silenceMs } from './connection-paces.js';
import { ConnectionRounds, TICK_MS, TICKS_A_ROUND } from './connection-rounds.js';
import type { Enrolments } from './enrolments.js';
import { HostQueries } from './host-queries.js';
import { HostSubscriptions } from './host-subscriptions.js';
import { IntakeQueue } from './intake-queue.js';
import type { QueryLog } from './query-log.js';
import type { ServerWebSocket } from './websocket/server-web-socket.js';

export interface AgentHubOptions {
  readonly version: string;
  /** Names of the captures whose clock is this machine's. */
  readonly captures: readonly string[];
  readonly latenessUs: Micros;
  readonly subnets: readonly SubnetGroup[];
  readonly enrolments: Enrolments;
  readonly queryLog: QueryLog;
  /** Takes rows, each once: those of a frame together. */
  readonly emit: (rows: readonly HostRow[]) => void;
  readonly onEvent: (event: HostEvent) => void;
  readonly warn: Warn;
}

const nowUs = (): Micros => Date.now() * 1000;

/**
 * The engine's side of all agents: who may speak for which host, who is admitted when, which rows are new, what is acknowledged, who has
 * fallen silent. Rows go on to the join in the order of each host's journal, each exactly once.
 */
export class AgentHub implements ConnectionOwner {
  readonly #options: AgentHubOptions;
  readonly registry: HostRegistry;
  readonly queries: HostQueries;
  readonly subscriptions = new HostSubscriptions();
  readonly #queue = new IntakeQueue();
  readonly #clocks: ClockQuestions;
  readonly #connections = new Set<AgentConnection>();
  /** The connection that speaks for each host, from its hello on. */
  readonly #byHost = new Map<string, AgentConnection>();
  /** Connections that may speak and wait for their turn. */
  readonly #waiting: AgentConnection[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #rounds: ConnectionRounds;
  #tick = 0;
  /** Connections cut off, by the name of the reason. */
  readonly cutOff: Record<string, number> = {};

  constructor(options: AgentHubOptions) {
    this.#options = options;
    this.queries = new HostQueries(options.queryLog);
    this.#clocks = new ClockQuestions({
      captures: options.captures,
      emit: (row) => options.emit([row]),
      refuse: (connection, reason) => this.#cut(connection, 'BAD_CLOCK', reason),
      nowUs,
    });
    this.registry = new HostRegistry({
      subnets: options.subnets,
      maxHosts: limits.agentHosts,
      onEvent: (event) => this.#event(event),
    });
    this.#rounds = new ConnectionRounds(
      {
        connections: this.#connections,
        hosts: () => this.registry.size,
        cut: (connection, name, reason) => this.#cut(connection, name, reason),
        acknowledge: (connection, now) => this.#acknowledge(connection, now),
        askClock: (connection, now) => this.#clocks.askAgain(connection, now),
      },
      nowUs(),
    );
    this.#timer = setInterval(() => this.#onTick(nowUs()), TICK_MS);
  }

  #event(event: HostEvent): void {
    this.#options.onEvent(event);
    if (event.kind !== 'group_joined' && event.kind !== 'group_left') return;
    const connection = this.connectionOf(event.host);
    // A host's groups change one by one, which the subscriptions need not see.
    if (connection?.isWelcome) queueMicrotask(() => connection.isOver || this.subscriptions.hostChanged(connection));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Connections whose frames wait to be worked on, and the bytes of these. */
  get busy(): number {
    return this.#queue.length;
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.queuedBytes;
    return bytes;
  }

  connectionOf(host: string): AgentConnection | undefined {
    const connection = this.#byHost.get(host);
    return connection?.phase === 'joining' || connection?.phase === 'joined' ? connection : undefined;
  }

  /** The connections of all hosts that were welcomed. */
  *welcomed(): Generator<AgentConnection> {
    for (const connection of this.#byHost.values()) if (connection.isWelcome) yield connection;
  }

  /** A WebSocket that has shown the secret and agreed on a version; `head` is what was read with its request. */
  accept(socket: ServerWebSocket, head: Buffer, peer: Peer): void {
    const connection = new AgentConnection(socket, peer, this.#queue, this, nowUs());
    this.#connections.add(connection);
    connection.open(head);
  }

  /** Tells every agent that the engine ends. */
  close(): void {
    clearInterval(this.#timer);
    for (const connection of [...this.#connections]) connection.close('GOING', 'the engine ends');
  }

  message(connection: AgentConnection, message: AgentMessage | RowBatch, arrived: Micros): void {
    if (message.type === 'hello') {
      if (connection.phase === 'new') void this.#hello(connection, message, arrived);
      else this.#cut(connection, 'BAD_MESSAGE', 'a second hello');
      return;
    }
    if (connection.phase !== 'joining' && connection.phase !== 'joined') {
      this.#cut(connection, 'BAD_MESSAGE', `${message.type} before the welcome`);
      return;
    }
    switch (message.type) {
      case 'rows':
        this.#rows(connection, message, arrived);
        return;
      case 'clock':
        this.#clocks.answer(connection, message, arrived);
        return;
      case 'result':
        this.queries.result(connection, message);
        return;
      case 'difference':
        this.subscriptions.difference(connection, message);
        return;
      case 'status':
        Object.assign(connection.host!, {
          limited: message.limited,
          dropped: message.dropped,
          redacted: message.redacted,
        });
        return;
      case 'leave':
        this.registry.disconnected(connection.host!, 'left', message.reason);
        return;
    }
  }

  async #hello(connection: AgentConnection, hello: Hello, arrived: Micros): Promise<void> {
    connection.hello = hello;
    connection.greeted = arrived;
    const skew = hello.time - arrived;
    // As far as the hello tells, until the clock is measured.
    connection.offset = skew;
    if (this.#clocks.isBeyond(connection, skew)) return;
    const proven = connection.peer.name;
    if (proven !== undefined && proven !== hello.host) {
      this.#cut(connection, 'NOT_ENROLLED', `the certificate is for ${proven}`);
      return;
    }
    if (proven === undefined && !this.#mayEnrol(hello)) {
      this.#cut(connection, 'NOT_ENROLLED', `${hello.host} is enrolled by another agent (correlate hosts --forget)`);
      return;
    }
    connection.phase = 'contested';
    if (!(await this.#mayReplace(connection, hello))) return;
    const host = this.registry.open(hello.host, arrived);
    if (host === undefined) {
      this.#cut(connection, 'TOO_MANY_HOSTS', `${limits.agentHosts} hosts are watched`);
      return;
    }
    connection.host = host;
    connection.phase = 'waiting';
    this.#byHost.set(host.id, connection);
    this.#waiting.push(connection);
  }

  /** An enrolment that cannot be kept is none. */
  #mayEnrol({ host, token }: Hello): boolean {
    try {
      return this.#options.enrolments.check(host, token);
    } catch (error) {
      if (!(error instanceof CorrelateError)) throw error;
      this.#options.warn({ code: error.code, message: error.message });
      return false;
    }
  }

  /** Whether no other agent that still answers speaks for the host; one that does not is replaced. */
  async #mayReplace(connection: AgentConnection, hello: Hello): Promise<boolean> {
    const other = this.#byHost.get(hello.host);
    if (other !== undefined && !other.isOver && other.hello?.run !== hello.run) {
      const before = other.heard;
      other.ping(nowUs());
      await new Promise((resolve) => setTimeout(resolve, limits.agentAnswerMs));
      if (connection.isOver) return false;
      if (!other.isOver && other.heard > before) {
        this.#cut(connection, 'HOST_IN_USE', `another agent speaks for ${hello.host}`);
        return false;
      }
    }
    // Whoever came first while we waited stands.
    const standing = this.#byHost.get(hello.host);
    if (standing !== undefined && standing !== other && !standing.isOver && standing.hello?.run !== hello.run) {
      this.#cut(connection, 'HOST_IN_USE', `another agent speaks for ${hello.host}`);
      return false;
    }
    standing?.close('REPLACED', 'the host has connected anew');
    return true;
  }

  /** Welcomes those who wait as long as what others tell is worked off quickly: each will tell all it has kept. */
  #admit(): void {
    for (let room = limits.agentsBusy - this.#queue.length; room > 0 && this.#waiting.length > 0; room--) {
      const connection = this.#waiting.shift()!;
      if (!connection.isOver) this.#welcome(connection, connection.host!, connection.hello!);
    }
  }

  #welcome(connection: AgentConnection, host: RegisteredHost, hello: Hello): void {
    const now = nowUs();
    connection.phase = 'joining';
    this.#clocks.greeted(connection);
    const position = host.positionIn(hello.journal.id);
    const { received } = position;
    Object.assign(host, {
      boot: hello.boot,
      version: hello.version,
      peer: connection.peer.address,
      configuredGroups: hello.groups,
      tables: hello.tables,
      limited: hello.limited,
    });
    this.registry.connected(host, now);
    connection.send({
      type: 'welcome',
      version: this.#options.version,
      ...(received >= 0 && { received }),
      rowsPerSecond: limits.agentRowsPerSecond,
      window: limits.agentWindowRows,
      completeEveryMs: completeEveryMs(this.registry.size),
      silenceMs: silenceMs(this.registry.size),
    });
    connection.isWelcome = true;
    this.subscriptions.hostChanged(connection);
    if (hello.journal.next <= received + 1) this.#joined(connection);
    this.#clocks.ask(connection, now);
  }

  #joined(connection: AgentConnection): void {
    if (connection.phase !== 'joining') return;
    connection.phase = 'joined';
    if (connection.host!.presence === 'joining') connection.host!.presence = 'joined';
  }

  #rows(connection: AgentConnection, batch: RowBatch, arrived: Micros): void {
    const host = connection.host!;
    const { rows, sequences } = batch;
    const excess = connection.account.take(rows.length, connection.acknowledgedThen, arrived);
    if (excess !== undefined) {
      this.#cut(connection, 'TOO_MANY_ROWS', excess);
      return;
    }
    if (batch.latest > arrived + connection.offset + limits.rowAheadUs) {
      this.#cut(connection, 'BAD_CLOCK', 'a row tells of the future');
      return;
    }
    const position = host.positionIn(connection.hello!.journal.id);
    let last = position.received;
    const fresh: HostRow[] = [];
    for (let i = 0; i < rows.length; i++) {
      const sequence = sequences[i]!;
      if (position.has(sequence)) {
        host.duplicates++;
        continue;
      }
      if (sequence > last) last = sequence;
      const row = rows[i]!;
      host.rows++;
      this.registry.row(host, row);
      const before = host.runs.take(row);
      if (before !== undefined) fresh.push(before);
      fresh.push(row);
    }
    this.#options.emit(fresh);
    position.take(last, arrived, this.#options.latenessUs);
    const hasToldAll = connection.phase === 'joining' && last >= connection.hello!.journal.next - 1;
    // An agent that ends waits for this.
    const isLast = rows.at(-1)?.kind === 'host_timeout';
    if (isLast || hasToldAll || connection.account.isDue) this.#acknowledge(connection, nowUs());
    if (hasToldAll) this.#joined(connection);
  }

  #acknowledge(connection: AgentConnection, now: Micros): void {
    const message = connection.account.acknowledge(connection.host!.position, now, this.#options.latenessUs);
    if (message !== undefined) connection.send(message);
  }

  #onTick(now: Micros): void {
    this.#admit();
    this.#rounds.tick(now);
    if (this.#tick++ % TICKS_A_ROUND !== 0) return;
    for (const host of this.registry.all()) this.#giveUp(host, now);
  }

  /** Rows of a host that is silent for longer than the lateness would come too late, so its ends need not be waited for. */
  #giveUp(host: RegisteredHost, now: Micros): void {
    if (host.presence !== 'silent' || now - host.heard <= this.#options.latenessUs) return;
    const timeout = host.runs.giveUp();
    if (timeout === undefined) return;
    // When it comes back it tells all that stands once more.
    host.position = undefined;
    this.#options.emit([timeout]);
  }

  #cut(connection: AgentConnection, ...[name, reason]: Parameters<AgentConnection['close']>): void {
    this.cutOff[name] = (this.cutOff[name] ?? 0) + 1;
    const who = connection.host?.id ?? connection.hello?.host ?? connection.peer.address;
    this.#options.warn({ code: 'AGENT_CUT_OFF', message: `${who}: ${name}: ${reason}` });
    connection.close(name, reason);
  }

  closed(connection: AgentConnection, reason: string): void {
    this.#connections.delete(connection);
    this.queries.closed(connection);
    this.subscriptions.closed(connection);
    const { host } = connection;
    if (host === undefined || this.#byHost.get(host.id) !== connection) return;
    this.#byHost.delete(host.id);
    this.registry.disconnected(host, 'silent', reason);
  }
}
