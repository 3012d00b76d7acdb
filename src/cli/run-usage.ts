import { CorrelateError } from '../core/errors.js';

/** What was given on the command line, by the names of `run`'s options in its flags; defaults are not. */
export type IsGiven = (flag: string) => boolean;

/** An option that does something only beside others. */
interface Dependent {
  readonly flag: string;
  readonly option: string;
  /** One of these is wanted. */
  readonly beside: readonly { readonly flag: string; readonly option: string }[];
}

const captures = [{ flag: 'interface', option: '--interface' }];
const live = [...captures, { flag: 'listen', option: '--listen' }];
const files = [{ flag: 'read', option: '--read' }];
const store = [{ flag: 'store', option: '--store' }];
const rules = [{ flag: 'rules', option: '--rules' }];

const dependents: readonly Dependent[] = [
  { flag: 'filter', option: '--filter', beside: captures },
  { flag: 'snaplen', option: '--snaplen', beside: captures },
  { flag: 'ringSize', option: '--ring-size', beside: captures },
  { flag: 'user', option: '--user', beside: live },
  { flag: 'localHost', option: '--no-local-host', beside: live },
  { flag: 'sensor', option: '--sensor', beside: live },
  { flag: 'threads', option: '--threads', beside: files },
  { flag: 'storeDays', option: '--store-days', beside: store },
  { flag: 'storeSize', option: '--store-size', beside: store },
  { flag: 'strictRules', option: '--strict-rules', beside: rules },
  { flag: 'failOnAlert', option: '--fail-on-alert', beside: rules },
  { flag: 'zeekFormat', option: '--zeek-format', beside: [{ flag: 'zeekLogs', option: '--zeek-logs' }] },
];

/**
 * Whether options make sense together: one that could do nothing is a mistake of whoever gave it.
 * @throws CorrelateError USAGE
 */
export function checkRunUsage(isGiven: IsGiven, inputs: readonly string[]): void {
  const isLive = isGiven('interface') || isGiven('listen');
  const isOverFiles = isGiven('read') || isGiven('hostLog');
  if (isLive && isOverFiles) {
    throw new CorrelateError(
      'USAGE',
      '--interface and --listen are live; --read and --host-log are files: give one or the other',
    );
  }
  if (!isLive && !isOverFiles) {
    throw new CorrelateError(
      'USAGE',
      'nothing to watch: give --interface, --listen, --read or --host-log (see --help)',
    );
  }
  if (inputs.filter((path) => path === '-').length > 1) {
    throw new CorrelateError('USAGE', 'standard input can be read only once');
  }
  for (const { flag, option, beside } of dependents) {
    if (!isGiven(flag) || beside.some((other) => isGiven(other.flag))) continue;
    throw new CorrelateError('USAGE', `${option} is for ${beside.map((other) => other.option).join(' and ')}`);
  }
}
