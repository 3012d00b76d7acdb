import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Explained } from '../join/explain.js';
import { explanationObject, explanationText } from '../outputs/explanation.js';
import type { Connection } from '../records/connection.js';
import { isMeant } from '../records/connection-question.js';
import type { ExplainAnswer, ExplainRequest, HuntRequest, PastApi } from '../server/api-messages.js';
import type { Keeping } from './keeping.js';

/** What is asked of the join. */
interface Explainer {
  explain(wants: (connection: Connection) => boolean, most: number): readonly Explained[];
}

/** A running engine answers from memory what the join still knows, and the rest from its store. */
export class EnginePast implements PastApi {
  constructor(
    private readonly join: Explainer,
    private readonly keeping: Keeping,
  ) {}

  async hunt({ sql, rows, timeout }: Required<HuntRequest>): Promise<object> {
    if (!this.keeping.hasStore)
      throw new CorrelateError('ENGINE_REFUSED', 'the engine keeps nothing: it runs without --store');
    return this.keeping.hunt(sql, { rows, timeoutMs: Math.ceil(timeout * 1000) });
  }

  async explain({ question }: ExplainRequest): Promise<ExplainAnswer> {
    const most = limits.explainedConnections;
    const known = this.join.explain((connection) => isMeant(connection, question), most + 1);
    const past = this.keeping.hasStore ? await this.keeping.explain(question) : { explained: [], hasMore: false };
    const uids = new Set(known.map(({ explanation }) => explanation.uid));
    const all = [...known, ...past.explained.filter(({ explanation }) => !uids.has(explanation.uid))];
    all.sort((a, b) => a.attributed.connection.ts - b.attributed.connection.ts);
    return {
      explained: all.slice(0, most).map(({ attributed, explanation }) => ({
        object: explanationObject(attributed, explanation),
        text: explanationText(attributed, explanation),
      })),
      has_more: past.hasMore || all.length > most,
    };
  }
}
