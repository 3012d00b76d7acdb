/**
 * Operating failures, each with a code that stays the same between versions. Hostile or odd traffic is not among
 * them: that gives a weird and a count. The table is also the reference page of `docs/errors.md`.
 */
export const errorCodes = {
  CAPTURE_OPEN_FAILED: 'A capture file or an interface could not be opened or read.',
  CAPTURE_WRONG_MAGIC: 'The file is neither pcap nor pcapng.',
  CAPTURE_TRUNCATED: 'The capture ends inside a packet; everything before it was used.',
  CAPTURE_BAD_RECORD: 'A packet record claims an impossible length; reading stopped there, what came before was used.',
  CAPTURE_UNSUPPORTED: 'The capture has a form that is not read (a link type or a version).',
  CAPTURE_PERMISSION: 'This user may not capture on the interface.',
  CAPTURE_NO_INTERFACE: 'There is no such interface.',
  CAPTURE_BAD_FILTER: 'The BPF filter does not compile.',
  CAPTURE_NATIVE_MISSING: 'The native capture addon is not built, so live capture is not available.',
  CAPTURE_INTERFACE_LOST: 'The interface went away or failed while it was captured.',
  HOST_LOG_OPEN_FAILED: 'A host log could not be opened or read.',
  HOST_LOG_UNKNOWN_FORMAT: 'No line of the file has the form of a known host log.',
  HOST_LOG_BAD_LINE: 'Lines of a host log could not be read; the others were used.',
  HOST_LOG_VERSION: 'The recording was made by a version that this one cannot read.',
  RULE_OPEN_FAILED: 'A rule file or folder could not be read, or is neither, as a pipe or a device.',
  RULES_ABSENT: 'A folder that was given for rules has no rule file in it.',
  RULES_TOO_MANY:
    'A folder that was given for rules leads to more folders or rule files than are looked at, as where a symbolic link in it leads to a whole disk; none of its rules is used.',
  RULE_MALFORMED: 'A rule is not well-formed.',
  RULE_UNSUPPORTED: 'A rule asks for something that this version does not evaluate.',
  RULE_FIELD_ABSENT:
    'A rule that is evaluated also asks for fields that no record of its log source has: a filter by them keeps nothing out, and what it asks of them is never found.',
  RULE_SCRIPT_FAILED: 'A script rule failed while it ran; its other events go on.',
  RULE_STATE_PARTIAL:
    'A script rule was added to a run by SIGHUP and reads tables that no rule had read: rows from before are not known to it.',
  RULES_KEPT: 'SIGHUP found rules that are broken: those from before go on.',
  OUTPUT_OPEN_FAILED: 'An output file could not be opened for writing.',
  OUTPUT_IN_USE: 'Another run writes to an output file: each would overwrite what the other wrote.',
  OUTPUT_WRITE_FAILED: 'An output could not be written (disk full, device gone).',
  USER_CHANGE_FAILED:
    'The process could not become the user of --user; it does not go on with more rights than asked for.',
  CONFIG_OPEN_FAILED: 'A configuration file could not be read.',
  CONFIG_MALFORMED: 'A configuration file is not well-formed, or names what there is not.',
  CERTIFICATE_UNUSABLE: 'A certificate or key cannot be used, or one does not belong to the other.',
  SENSOR_NATIVE_MISSING: 'The eBPF sensor is not built or cannot be loaded; /proc can be polled.',
  SENSOR_PERMISSION: 'This user may not load eBPF programs; /proc can be polled.',
  SENSOR_UNSUPPORTED:
    'This kernel does not offer what the eBPF sensor needs (Linux 5.12 or newer with BTF, and cgroup v2); /proc can be polled.',
  SENSOR_LIMITED: 'This host can be watched in part only.',
  AGENT_CUT_OFF: 'The engine closed the connection of an agent; the message has the reason.',
  AGENT_INSECURE: 'Agents and engine talk without encryption or without proof of who they are.',
  ENGINE_UNREACHABLE: 'The engine does not answer.',
  ENGINE_REFUSED: 'The engine does not take the agent or the request; the message has the reason.',
  LISTEN_FAILED: 'The address or socket could not be listened on.',
  SPOOL_FAILED: 'The spool of the agent could not be read or written.',
  SPOOL_FULL: 'The spool of the agent is full: its oldest rows were dropped and counted.',
  QUERY_FAILED: 'A query was refused or failed on a host; the message is that of SQLite.',
  QUERY_LIMIT: 'The result of a query has more rows than allowed.',
  QUERY_TIMEOUT: 'A host did not answer a query in time.',
  STORE_UNAVAILABLE: 'DuckDB, which the store needs, is not installed or does not run on this machine.',
  STORE_OPEN_FAILED: 'The file of the store could not be opened or made, or is none.',
  STORE_LOCKED: 'Another process has the store open; only one can.',
  STORE_VERSION: 'The store was made by a version that this one cannot go on with, or by another program.',
  STORE_WRITE_FAILED:
    'The store could not be written (disk full, device gone): it takes nothing more, the run goes on.',
  STORE_BEHIND: 'The store takes rows more slowly than they come; the others are counted as lost.',
  SELFTEST_FAILED: 'The selftest could not be carried out; the message has the reason.',
  CONNECTION_ABSENT: 'No connection of the input is the one that was asked for.',
  HOST_ABSENT: 'The host is not known or not connected.',
  USAGE: 'The command line is not understood.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An operating failure with a stable `code`. The message is for people and may change. */
export class CorrelateError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CorrelateError';
    this.code = code;
  }
}

/** What the file system has against a file, without the call and the path that Node.js names too; the message of anything else. */
export function fileProblem(error: unknown): string {
  const message = messageOf(error);
  if (message.startsWith('EISDIR:')) return 'it is a directory';
  return /^E[A-Z0-9]+: (.+?), [a-z]+(?: '.*)?$/s.exec(message)?.[1] ?? message;
}

/** Why an address or a socket cannot be listened on, without the call and the address that Node.js names too. */
export function listenProblem(error: unknown): string {
  const message = messageOf(error);
  if (message.startsWith('getaddrinfo ')) return 'no address of the host name was found';
  return /^listen E[A-Z0-9]+: ([a-z ]+?) (?:\S*[/:].*|\S+)$/s.exec(message)?.[1] ?? fileProblem(error);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
