import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { RegisteredHost } from '../hosts/registry/registered-host.js';
import { type CloseName, closeCodes, closeName } from '../wire/close-code.js';
import type { AgentMessage, EngineMessage, Hello } from '../wire/message.js';
import type { RowBatch } from '../wire/row-message.js';
import { readAgentMessage } from '../wire/validator.js';
import { HostClock } from './host-clock.js';
import type { Feeder, IntakeQueue } from './intake-queue.js';
import { RowAccount } from './row-account.js';
import type { ServerWebSocket, WebSocketOwner } from './websocket/server-web-socket.js';

/** Who looks after connections. Times are of the engine's clock. */
export interface ConnectionOwner {
  message(connection: AgentConnection, message: AgentMessage | RowBatch, arrived: Micros): void;
  /** The connection is over; told once. */
  closed(connection: AgentConnection, reason: string): void;
}

/** Where and as whom an agent connects. */
export interface Peer {
  readonly address: string;
  /** The name that the agent's certificate proves; absent without mutual TLS. */
  readonly name?: string;
}

interface Frame {
  readonly text: string;
  readonly bytes: number;
  readonly arrived: Micros;
  /** Rows that had been acknowledged when it arrived. */
  readonly acknowledged: number;
}

/**
 * The engine's end of one agent's connection. Frames wait in a queue until their turn; when more waits than
 * `limits.agentQueueBytes`, no more is read from the socket, which slows the agent down.
 */
export class AgentConnection implements Feeder, WebSocketOwner {
  isQueued = false;
  readonly clock = new HostClock();
  readonly account = new RowAccount();
  hello: Hello | undefined;
  /** When the hello arrived. */
  greeted: Micros = 0;
  host: RegisteredHost | undefined;
  /** The host's clock minus the engine's, as far as it is known. */
  offset: Micros = 0;
  /** It is waiting for its turn to be welcomed, or was welcomed. */
  phase: 'new' | 'contested' | 'waiting' | 'joining' | 'joined' = 'new';
  readonly since: Micros;
  /** The welcome was sent: other messages may follow. */
  isWelcome = false;
  heard: Micros;
  pingedAt: Micros | undefined;
  /** Rows that had been acknowledged when the frame arrived that is worked on: what counts against the agent's window. */
  acknowledgedThen = 0;
  /** The question for the clock that is not answered; undefined: none. */
  askedId: number | undefined;
  clockAskedAt: Micros = 0;
  clockAsks = 0;
  readonly #socket: ServerWebSocket;
  readonly #queue: IntakeQueue;
  readonly #owner: ConnectionOwner;
  /** Always the same list: a new one for each frame would have it outlive the young generation with what it points to. */
  readonly #frames: Frame[] = [];
  #done = 0;
  #bytes = 0;
  #isPaused = false;
  #isOver = false;

  constructor(
    socket: ServerWebSocket,
    readonly peer: Peer,
    queue: IntakeQueue,
    owner: ConnectionOwner,
    now: Micros,
  ) {
    this.#socket = socket;
    this.#queue = queue;
    this.#owner = owner;
    this.since = now;
    this.heard = now;
  }

  /** Begins to read; `head` is what was read with the request. */
  open(head: Buffer): void {
    this.#socket.open(this, head);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes of frames that wait to be worked on. */
  get queuedBytes(): number {
    return this.#bytes;
  }

  /** Frames wait to be worked on. */
  get isBusy(): boolean {
    return this.#bytes > 0;
  }

  send(message: EngineMessage): void {
    if (this.#isOver) return;
    // What the agent does not read piles up here.
    if (this.#socket.unsentBytes > limits.agentQueueBytes) this.close('TOO_SLOW', 'the agent reads nothing');
    else this.#socket.send(JSON.stringify(message));
  }

  ping(now: Micros): void {
    if (this.pingedAt !== undefined || this.#isOver) return;
    this.pingedAt = now;
    this.#socket.sendPing();
  }

  /** Ends the connection; what it has sent and was not worked on yet is dropped. */
  close(name: CloseName, reason: string): void {
    if (this.#isOver) return;
    this.#socket.close(closeCodes[name], reason);
    this.#over(`${name}: ${reason}`);
  }

  work(): boolean {
    const frame = this.#frames[this.#done];
    if (frame === undefined) return false;
    this.#done++;
    if (this.#done * 2 > this.#frames.length) {
      this.#frames.splice(0, this.#done);
      this.#done = 0;
    }
    this.#bytes -= frame.bytes;
    if (this.#isPaused && this.#bytes * 2 < limits.agentQueueBytes) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.acknowledgedThen = frame.acknowledged;
    const message = readAgentMessage(frame.text, this.host?.id ?? '');
    if (message.type === 'malformed') this.close('BAD_MESSAGE', message.problem);
    else this.#owner.message(this, message, frame.arrived);
    return this.#frames.length > this.#done;
  }

  text(text: string, bytes: number): void {
    if (this.#isOver) return;
    this.#isHeard();
    this.#frames.push({ text, bytes, arrived: this.heard, acknowledged: this.account.acknowledged });
    this.#bytes += bytes;
    if (this.#bytes > limits.agentQueueBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
    this.#queue.add(this);
  }

  binary(): void {
    this.close('BAD_MESSAGE', 'a binary frame');
  }

  pong(): void {
    this.#isHeard();
  }

  gone(code: number, reason: string): void {
    this.#over(reason === '' ? closeName(code) : `${closeName(code)}: ${reason}`);
  }

  #isHeard(): void {
    this.heard = Date.now() * 1000;
    this.pingedAt = undefined;
  }

  #over(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#frames.length = 0;
    this.#done = 0;
    this.#bytes = 0;
    this.#owner.closed(this, reason);
  }
}
