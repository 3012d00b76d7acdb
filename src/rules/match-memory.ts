import { createHash } from 'node:crypto';
import type { Micros } from '../core/time.js';
import type { Alert, AlertEvidence, AlertRule } from '../records/alert.js';
import type { AttributedConnection, End } from '../records/attributed-connection.js';

/** A rule's match, before it is known whether it was told already. */
export interface Finding {
  readonly rule: AlertRule;
  /** Tells matches of one rule on one subject apart: the side of a connection, a script's own grouping. */
  readonly group: string;
  readonly title: string;
  readonly time: Micros;
  readonly host?: string;
  readonly side?: 'orig' | 'resp';
  readonly connection?: AttributedConnection;
  readonly evidence: readonly AlertEvidence[];
}

interface Told {
  readonly finding: Omit<Finding, 'connection' | 'evidence'>;
  rev: number;
  /** What was told; undefined when it was withdrawn. */
  digest: string | undefined;
}

/**
 * Remembers which matches were told, so that a revision of a connection tells only what is new about it. Holds the
 * subjects touched last; at the bound the longest untouched is forgotten and counted, and would be told as new again.
 */
export class MatchMemory {
  readonly #subjects = new Map<string, Map<string, Told>>();
  readonly #bound: number;
  forgotten = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** The alert that tells a match, or undefined when all of it was told before. */
  tell(subject: string, finding: Finding): Alert | undefined {
    const told = this.#touch(subject);
    const key = keyOf(finding);
    const digest = digestOf(finding);
    const known = told.get(key);
    if (known === undefined) {
      const { connection: _connection, evidence: _evidence, ...rest } = finding;
      told.set(key, { finding: rest, rev: 0, digest });
      return alertOf(key, 'new', 0, finding);
    }
    if (known.digest === digest) return undefined;
    known.digest = digest;
    known.rev++;
    return alertOf(key, 'updated', known.rev, finding);
  }

  /** Learns of an alert that was told before this memory began; what it knows itself stands. */
  recall(subject: string, alert: Alert): void {
    const told = this.#touch(subject);
    if (told.has(alert.id)) return;
    const { id, status, rev, connection, evidence: _evidence, ...finding } = alert;
    const digest = status === 'withdrawn' ? undefined : digestOf({ ...finding, ...(connection && { connection }) });
    told.set(id, { finding: { ...finding, group: '' }, rev, digest });
  }

  /** Alerts that take back what was told of a subject by one of `rules` and is not among `findings` now. */
  withdraw(
    subject: string,
    findings: readonly Finding[],
    isOurs: (rule: AlertRule) => boolean,
    connection: AttributedConnection,
  ): Alert[] {
    const told = this.#subjects.get(subject);
    if (told === undefined) return [];
    const still = new Set(findings.map(keyOf));
    const alerts: Alert[] = [];
    for (const [key, known] of told) {
      if (still.has(key) || known.digest === undefined || !isOurs(known.finding.rule)) continue;
      known.digest = undefined;
      known.rev++;
      alerts.push(alertOf(key, 'withdrawn', known.rev, { ...known.finding, connection, evidence: [] }));
    }
    return alerts;
  }

  #touch(subject: string): Map<string, Told> {
    const told = this.#subjects.get(subject) ?? new Map<string, Told>();
    this.#subjects.delete(subject);
    const [oldest] = this.#subjects.keys();
    if (this.#subjects.size >= this.#bound && oldest !== undefined) {
      this.#subjects.delete(oldest);
      this.forgotten++;
    }
    this.#subjects.set(subject, told);
    return told;
  }
}

/** The alert's id: the same for the same rule, group and connection in every run. */
function keyOf({ rule, group, connection }: Finding): string {
  const parts = [rule.id, group, connection?.connection.uid ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** The parts of an alert whose change is worth telling; traffic figures that grow are not. */
function digestOf({ title, host, connection }: Pick<Finding, 'title' | 'host' | 'connection'>): string {
  const parts = [
    title,
    host,
    connection?.connection.service,
    connection && endParts(connection.orig),
    connection && endParts(connection.resp),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

function endParts(end: End): unknown {
  switch (end.state) {
    case 'attributed':
      return ownerParts(end);
    case 'ambiguous':
      return end.candidates.map(ownerParts);
    case 'pending':
      return end.state;
    case 'unattributed':
      return [end.reason, end.host?.id];
  }
}

function ownerParts({ host, process, user, container }: Extract<End, { state: 'attributed' }> | OwnerLike): unknown {
  const { pid, start, path, cmdline, sha256 } = process;
  return [host.id, pid, start, path, cmdline, sha256, user?.uid, user?.name, container?.id];
}

type OwnerLike = Extract<End, { state: 'ambiguous' }>['candidates'][number];

function alertOf(id: string, status: Alert['status'], rev: number, finding: Finding): Alert {
  const { rule, title, time, host, side, connection, evidence } = finding;
  return {
    id,
    status,
    rev,
    time,
    rule,
    title,
    ...(host === undefined ? {} : { host }),
    ...(side === undefined ? {} : { side }),
    ...(connection === undefined ? {} : { connection }),
    evidence,
  };
}
