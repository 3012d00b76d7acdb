import { type IncomingMessage, request } from 'node:http';
import { CorrelateError, errorCodes } from '../core/errors.js';
import type { ApiError } from '../server/api-messages.js';
import { defaultEngineSocket } from '../server/engine-socket.js';
import { socketProblem } from '../wire/connect-problem.js';

/** Asks a running engine over its UNIX socket; see api-messages.ts for what there is to ask. */
export class EngineClient {
  readonly #socketPath: string;

  /** `engine` is the path of the socket, with or without `unix:` in front; by default where an engine of this user listens. */
  constructor(engine: string | undefined) {
    this.#socketPath = engine?.replace(/^unix:(?:\/\/)?/, '') ?? defaultEngineSocket();
  }

  /** The answer as one JSON value; undefined when it is empty. Rejects with ENGINE_UNREACHABLE or the engine's own code. */
  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    let text = '';
    for await (const part of await this.#send(method, path, body)) text += part as string;
    return text === '' ? undefined : JSON.parse(text);
  }

  /** The answer as JSON lines, each as soon as it is there. */
  async *lines(method: string, path: string, body?: unknown): AsyncGenerator<unknown> {
    let rest = '';
    for await (const part of await this.#send(method, path, body)) {
      const lines = (rest + (part as string)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line);
    }
    if (rest !== '') throw new CorrelateError('ENGINE_UNREACHABLE', 'the engine ended in the middle of its answer');
  }

  async #send(method: string, path: string, body: unknown): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request({ socketPath: this.#socketPath, method, path }, resolve);
      sent.on('error', (error) => {
        const message = `${this.#socketPath}: ${socketProblem(error)}`;
        reject(new CorrelateError('ENGINE_UNREACHABLE', message, { cause: error }));
      });
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    response.setEncoding('utf8');
    if ((response.statusCode ?? 500) >= 400) throw await refusal(response);
    return response;
  }
}

async function refusal(response: IncomingMessage): Promise<CorrelateError> {
  let text = '';
  for await (const part of response) text += part as string;
  try {
    const { error } = JSON.parse(text) as { error: ApiError };
    const code = Object.hasOwn(errorCodes, error.code) ? error.code : 'ENGINE_REFUSED';
    return new CorrelateError(code, error.message);
  } catch {
    return new CorrelateError('ENGINE_REFUSED', `the engine answered with ${response.statusCode}`);
  }
}
