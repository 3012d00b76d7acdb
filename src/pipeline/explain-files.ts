import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { Join } from '../join/attribution.js';
import type { Explained } from '../join/explain.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import { FileNetwork } from './file-network.js';
import { readFiles } from './offline.js';

export interface ExplainOptions {
  readonly files: readonly string[];
  readonly hostLogs: readonly string[];
  readonly checksums: 'verify' | 'ignore';
  readonly latenessUs: Micros;
  /** Which connections are to be explained. */
  readonly wants: (connection: Connection) => boolean;
}

/**
 * Joins captures with host logs as a run does, and explains the wanted connections, in order of time. Of more than
 * `limits.explainedConnections` the others are counted.
 */
export async function explainFiles(
  { files, hostLogs, checksums, latenessUs, wants }: ExplainOptions,
  warn: Warn,
): Promise<{ readonly explained: readonly Explained[]; readonly others: number }> {
  const lines = new Map<string, AttributedConnection>();
  const explained: Explained[] = [];
  let others = 0;
  const join = new Join({
    latenessUs,
    attrWaitUs: 0,
    finalOnly: true,
    emit: (line) => {
      if (wants(line.connection)) lines.set(line.connection.uid, line);
    },
    onClose: ({ uid }, explain) => {
      const attributed = lines.get(uid);
      if (attributed === undefined) return;
      lines.delete(uid);
      if (explained.length < limits.explainedConnections) explained.push({ attributed, explanation: explain() });
      else others++;
    },
  });
  const network = await FileNetwork.open(files, { checksums }, warn);
  const intake = {
    connection: join.connection.bind(join),
    row: join.row.bind(join),
    advance: join.advance.bind(join),
    ready: async () => {},
    stopped: false,
  };
  await readFiles(network, hostLogs, latenessUs, intake, { warn }, () => {});
  join.end();
  explained.sort((a, b) => a.attributed.connection.ts - b.attributed.connection.ts);
  return { explained, others };
}
