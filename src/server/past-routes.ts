import type { IncomingMessage } from 'node:http';
import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { apiPaths, type ExplainRequest, type HuntRequest, type PastApi } from './api-messages.js';
import { readJson } from './request-body.js';

const closed = { additionalProperties: false };

const huntRequest = TypeCompiler.Compile(
  Type.Object(
    {
      sql: Type.String({ minLength: 1, maxLength: limits.queryChars }),
      timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 600 })),
      rows: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.queryRowsMost })),
    },
    closed,
  ),
);

const endpoint = Type.Object(
  { address: Type.String({ maxLength: 64 }), port: Type.Integer({ minimum: 0, maximum: 65_535 }) },
  closed,
);

const explainRequest = TypeCompiler.Compile(
  Type.Object(
    {
      question: Type.Union([
        Type.Object({ uid: Type.String({ maxLength: 64 }) }, closed),
        Type.Object(
          {
            ends: Type.Tuple([endpoint, endpoint]),
            proto: Type.Optional(Type.String({ maxLength: 32 })),
            at: Type.Optional(Type.Number()),
          },
          closed,
        ),
      ]),
    },
    closed,
  ),
);

/** The answer to a question about connections and the past; undefined when the path is of something else. Rejects with CorrelateError. */
export function answerPast(path: string, request: IncomingMessage, past: PastApi): Promise<object> | undefined {
  if (request.method !== 'POST') return undefined;
  if (path === apiPaths.hunt) return hunt(request, past);
  return path === apiPaths.explain ? explain(request, past) : undefined;
}

async function hunt(request: IncomingMessage, past: PastApi): Promise<object> {
  const {
    sql,
    timeout = 60,
    rows = limits.queryResultRows,
  } = wanted(await readJson<HuntRequest>(request, huntRequest));
  return past.hunt({ sql, timeout, rows });
}

async function explain(request: IncomingMessage, past: PastApi): Promise<object> {
  return past.explain(wanted(await readJson<ExplainRequest>(request, explainRequest)));
}

function wanted<T>(request: T | undefined): T {
  if (request === undefined) throw new CorrelateError('ENGINE_REFUSED', 'the request is not understood');
  return request;
}
