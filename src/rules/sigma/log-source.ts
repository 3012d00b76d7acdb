import type { AttributedConnection, AttributedEnd, Candidate } from '../../records/attributed-connection.js';
import type { FieldValue } from './expression.js';

/** The `logsource` of a rule. */
export interface LogSourceNames {
  readonly category?: string;
  readonly product?: string;
  readonly service?: string;
}

/** A connection as one of its owners sees it, or, without side and owner, as such. */
export interface ConnectionEvent {
  readonly attributed: AttributedConnection;
  readonly side?: 'orig' | 'resp';
  readonly owner?: AttributedEnd | Candidate;
}

/** Gives the value of one field of an event. */
export type Accessor<E> = (event: E) => FieldValue;

/** How the fields of an event of one kind are reached. */
export interface EventFields<E> {
  /** Undefined when no event of the kind has the field. */
  readonly accessor: (field: string) => Accessor<E> | undefined;
  /** Every leaf of the event, for keywords. */
  readonly leaves: (event: E) => Iterable<FieldValue>;
}

/** A kind of log that rules are written for, made from attributed connections. */
export interface LogSource extends EventFields<ConnectionEvent> {
  readonly name: string;
  readonly accepts: (names: LogSourceNames) => boolean;
  /**
   * Events grouped by what an alert would be about: a rule matches a group when it matches every event of it
   * (the candidates of an ambiguous end).
   */
  readonly groups: (connection: AttributedConnection) => readonly (readonly ConnectionEvent[])[];
  /** Fields of many different values: rules are found by them. */
  readonly indexed: readonly string[];
}
