export type { Alert, AlertEvidence, AlertRule, Level } from './records/alert.js';
export type { AttributedConnection, AttributedEnd, Candidate, End, Process } from './records/attributed-connection.js';
export type { Connection } from './records/connection.js';
export * from './rules/script/define-rule.js';
