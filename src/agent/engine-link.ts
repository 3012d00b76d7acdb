import type { WebSocket } from 'ws';
import { messageOf } from '../core/errors.js';
import { closeCodes, closeName, isRefusal } from '../wire/close-code.js';
import { connectProblem } from '../wire/connect-problem.js';
import type { AgentMessage, EngineMessage, Hello, Welcome } from '../wire/message.js';
import { inVersion } from '../wire/older-version.js';
import { versionOf } from '../wire/protocol.js';
import { RowBudget } from '../wire/row-budget.js';
import { RowWindow } from '../wire/row-window.js';
import { readEngineMessage } from '../wire/validator.js';
import { retryDelayMs } from './retry-delay.js';

/** A message of rows that is to be sent. */
export interface Outgoing {
  readonly text: string;
  readonly rows: number;
  /** Its last sequence. */
  readonly last: number;
}

/** What the link asks of its agent. */
export interface LinkOwner {
  hello(): Hello;
  /** The engine has taken the agent and says from where to send on. False: the agent wants to say hello anew. */
  welcomed(welcome: Welcome): boolean;
  /** What is to be sent next; undefined when all is. */
  next(): Outgoing | undefined;
  acknowledged(received: number, releasable: number | undefined): void;
  /** A query or subscription of the engine. */
  asked(message: Extract<EngineMessage, { type: 'execute' | 'subscribe' | 'unsubscribe' }>): void;
  /** The connection is gone; `again` says when the next attempt is made. */
  closed(reason: string, isRefusal: boolean, againMs: number): void;
}

/** Bytes that wait in the socket before no more rows are handed to it. */
const SOCKET_BYTES = 1 << 20;
const READ_MS = 500;
/** An engine to which many come at once welcomes them one after the other. */
const WELCOME_MS = 120_000;

/**
 * The connection to the engine: made, and made again when it is lost, with pauses that grow and are drawn by lot. Sends rows as
 * fast as the engine allows: no more than its window unacknowledged, no more in a second than it said.
 */
export class EngineLink {
  readonly #dial: () => WebSocket;
  readonly #owner: LinkOwner;
  #socket: WebSocket | undefined;
  #welcome: Welcome | undefined;
  #budget = new RowBudget(1, 1);
  #window = new RowWindow(1);
  #sentRows = 0;
  /** Messages that are not acknowledged, oldest first. */
  #flying: Outgoing[] = [];
  #retry: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #pace: NodeJS.Timeout | undefined;
  #lostAt: number | undefined;
  #isEnding = false;

  constructor(dial: () => WebSocket, owner: LinkOwner) {
    this.#dial = dial;
    this.#owner = owner;
  }

  get isWelcome(): boolean {
    return this.#welcome !== undefined;
  }

  /** Everything that was sent is with the engine. */
  get isIdle(): boolean {
    return this.#flying.length === 0;
  }

  connect(): void {
    this.#retry = undefined;
    let socket: WebSocket;
    try {
      socket = this.#dial();
    } catch (error) {
      this.#closed(UNMADE, messageOf(error));
      return;
    }
    this.#socket = socket;
    let failure = '';
    let status: number | undefined;
    let isOpen = false;
    socket.on('unexpected-response', (_request, response) => {
      status = response.statusCode;
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        if (text.length < 1000) text += part;
      });
      response.on('close', () => {
        failure = text.trim() || `the engine answered with ${status}`;
        socket.terminate();
      });
    });
    socket.on('open', () => {
      isOpen = true;
      socket.send(JSON.stringify(this.#owner.hello()));
      this.#expect(WELCOME_MS);
    });
    socket.on('message', (data, isBinary) => this.#message(socket, isBinary ? '' : (data as Buffer).toString('utf8')));
    socket.on('error', (error) => {
      failure ||= isOpen ? messageOf(error) : `${new URL(socket.url).origin}: ${connectProblem(error)}`;
    });
    socket.on('close', (code, reason) => {
      if (this.#socket !== socket) return;
      const unmade = status === undefined ? UNMADE : REFUSED;
      this.#closed(isOpen ? code : unmade, reason.toString() || failure);
    });
  }

  /** There may be more to send. */
  pump(): void {
    const { bufferedAmount } = this.#socket ?? { bufferedAmount: 0 };
    if (this.#welcome === undefined || this.#pace !== undefined) return;
    let room = SOCKET_BYTES - bufferedAmount;
    while (room > 0 && (this.#flying.length === 0 || this.#sentRows < this.#window.rows)) {
      const waitMs = this.#budget.waitMs(performance.now());
      if (waitMs > 0) {
        this.#later(waitMs);
        return;
      }
      const outgoing = this.#owner.next();
      if (outgoing === undefined) return;
      this.#budget.take(outgoing.rows, performance.now());
      this.#sentRows += outgoing.rows;
      this.#flying.push(outgoing);
      const text = inVersion(outgoing.text, versionOf(this.#socket!.protocol));
      this.#socket!.send(text);
      room -= text.length;
    }
    if (room <= 0) this.#later(20);
  }

  send(message: AgentMessage): void {
    if (this.#welcome !== undefined) this.#socket?.send(JSON.stringify(message));
  }

  /** Says goodbye and ends for good. */
  async end(reason: string): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    clearTimeout(this.#pace);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    if (this.#welcome !== undefined) socket.send(JSON.stringify({ type: 'leave', reason }));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.terminate(), 2_000);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.close(closeCodes.GOING, reason);
    });
  }

  #later(ms: number): void {
    this.#pace = setTimeout(() => {
      this.#pace = undefined;
      this.pump();
    }, ms);
  }

  /** The engine has to be heard within this time. What came while this process stood still is read before it is given up. */
  #expect(ms: number): void {
    clearTimeout(this.#silence);
    const socket = this.#socket!;
    this.#silence = setTimeout(() => {
      this.#silence = setTimeout(() => {
        socket.close(closeCodes.SILENT);
        socket.terminate();
      }, READ_MS);
    }, ms);
  }

  #message(socket: WebSocket, text: string): void {
    const arrived = Date.now() * 1000;
    if (socket !== this.#socket) return;
    const message = readEngineMessage(text);
    if (message.type === 'malformed') {
      socket.close(closeCodes.BAD_MESSAGE, message.problem.slice(0, 100));
      return;
    }
    if (this.#welcome !== undefined) this.#expect(this.#welcome.silenceMs);
    switch (message.type) {
      case 'welcome':
        this.#welcome = message;
        this.#lostAt = undefined;
        this.#budget = new RowBudget(message.rowsPerSecond, message.rowsPerSecond);
        this.#window = new RowWindow(message.window);
        this.#expect(message.silenceMs);
        if (this.#owner.welcomed(message)) this.pump();
        else socket.close(closeCodes.GOING, 'hello again');
        return;
      case 'ack':
        this.#acknowledged(message.received, message.releasable);
        return;
      case 'ask_clock':
        this.send({ type: 'clock', id: message.id, received: arrived, sent: Date.now() * 1000 });
        return;
      default:
        this.#owner.asked(message);
    }
  }

  #acknowledged(received: number, releasable: number | undefined): void {
    let gone = 0;
    while (gone < this.#flying.length && this.#flying[gone]!.last <= received) {
      const { rows } = this.#flying[gone]!;
      this.#sentRows -= rows;
      this.#window.acknowledged(rows);
      gone++;
    }
    if (gone > 0) this.#flying = this.#flying.slice(gone);
    this.#owner.acknowledged(received, releasable);
    this.pump();
  }

  #closed(code: number, reason: string): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#pace);
    this.#pace = undefined;
    this.#socket = undefined;
    this.#welcome = undefined;
    this.#flying = [];
    this.#sentRows = 0;
    if (this.#isEnding) return;
    this.#lostAt ??= performance.now();
    const refused = code === REFUSED || isRefusal(code);
    const delay = retryDelayMs(performance.now() - this.#lostAt, refused, Math.random());
    this.#owner.closed(reasonOf(code, reason), refused, delay);
    this.#retry = setTimeout(() => this.connect(), delay);
  }
}

/** Not close codes: the engine answered the upgrade with an HTTP error; there was no connection. */
const REFUSED = 0;
const UNMADE = 1;

function reasonOf(code: number, reason: string): string {
  if (code === UNMADE || code === REFUSED) return reason;
  const name = closeName(code);
  return reason === '' ? name : `${name}: ${reason}`;
}
