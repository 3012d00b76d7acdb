import { formatIso } from '../core/time.js';
import type { Alert, AlertEvidence, Level } from '../records/alert.js';
import type { AttributedConnection, AttributedEnd, End } from '../records/attributed-connection.js';
import { connectionObject, endJsonObject } from './connection-json.js';

/** ECS `event.severity` of a Sigma level. */
const severities: Record<Level, number> = { informational: 10, low: 30, medium: 50, high: 70, critical: 90 };

/**
 * An alert as one JSON line with ECS names. `process`, `user`, `host` are those of the end that the rule is about; the other end
 * stands under `correlate.peer`, the whole attributed connection under `correlate.connection`.
 */
export function ecsAlertLine(alert: Alert): string {
  const { connection, side } = alert;
  const own = connection !== undefined && side !== undefined ? connection[side] : undefined;
  return JSON.stringify({
    '@timestamp': formatIso(alert.time),
    message: alert.title,
    event: { kind: 'alert', id: alert.id, severity: severities[alert.rule.level] },
    rule: {
      id: alert.rule.id,
      name: alert.rule.title,
      description: alert.rule.description,
      version: alert.rule.version,
      author: alert.rule.author,
      reference: alert.rule.references?.[0],
    },
    threat: threat(alert.rule.tags),
    ...host(alert, own),
    ...owner(own),
    ...network(connection),
    correlate: {
      status: alert.status,
      rev: alert.rev,
      level: alert.rule.level,
      side,
      peer: connection && side && endJsonObject(connection[side === 'orig' ? 'resp' : 'orig']),
      connection: connection && connectionObject(connection),
      evidence: alert.evidence.map(evidence),
    },
  });
}

function threat(tags: readonly string[] | undefined) {
  const ids = (tags ?? []).flatMap((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1]?.toUpperCase() ?? []);
  return ids.length > 0 ? { framework: 'MITRE ATT&CK', technique: { id: ids } } : undefined;
}

function host(alert: Alert, own: End | undefined) {
  const id = own?.state === 'attributed' ? own.host.id : alert.host;
  if (id === undefined) return undefined;
  const { connection, side } = alert;
  const ip = connection && side && connection.connection[side === 'orig' ? 'id.orig_h' : 'id.resp_h'];
  return { host: { id, name: id, ip: ip === undefined ? undefined : [ip] } };
}

function owner(own: End | undefined) {
  if (own?.state !== 'attributed') return undefined;
  const { process, user, container } = own as AttributedEnd;
  const parent = process.ancestors?.[0];
  return {
    process: {
      pid: process.pid,
      start: process.start === undefined ? undefined : formatIso(process.start),
      name: process.name,
      executable: process.path,
      command_line: process.cmdline,
      working_directory: process.cwd,
      hash: process.sha256 === undefined ? undefined : { sha256: process.sha256 },
      parent: parent && {
        pid: parent.pid,
        name: parent.name,
        executable: parent.path,
        command_line: parent.cmdline,
      },
    },
    user: user && { id: String(user.uid), name: user.name },
    container,
  };
}

function network(attributed: AttributedConnection | undefined) {
  if (attributed === undefined) return undefined;
  const c = attributed.connection;
  return {
    source: { ip: c['id.orig_h'], port: c.proto === 'icmp' ? undefined : c['id.orig_p'], bytes: c.orig_bytes },
    destination: { ip: c['id.resp_h'], port: c.proto === 'icmp' ? undefined : c['id.resp_p'], bytes: c.resp_bytes },
    network: {
      community_id: c.community_id,
      transport: c.proto,
      protocol: c.service,
      type: c['id.orig_h'].includes(':') ? 'ipv6' : 'ipv4',
    },
  };
}

function evidence({ stream, row }: AlertEvidence) {
  return { stream, row: 'columns' in row && 'table' in row ? row.columns : row };
}
