import type { IncomingMessage } from 'node:http';

/** Longest body of a request. */
export const BODY_BYTES = 1 << 22;

/** The body of a request as JSON; undefined when it is too long or not what `check` wants. */
export async function readJson<T>(
  request: IncomingMessage,
  check: { Check(value: unknown): boolean },
): Promise<T | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > BODY_BYTES) return undefined;
    parts.push(part);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
    return check.Check(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
