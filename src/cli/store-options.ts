import { InvalidArgumentError, Option } from 'commander';
import type { StoreStart } from '../pipeline/store-messages.js';
import { diskBytes } from './values.js';

const DAY_US = 86_400_000_000;

/** Options of a run about what it keeps. */
export const storeOptions = [
  new Option(
    '--store <FILE>',
    'keep connections, host rows and alerts in a file of DuckDB, and revise them when hosts tell late',
  ),
  new Option('--store-days <DAYS>', 'how long it keeps them').argParser(days).default(30 * DAY_US, '30'),
  new Option('--store-size <BYTES>', 'how large it may grow; the oldest goes')
    .argParser(diskBytes)
    .default(10 * 2 ** 30, '10G'),
];

export interface StoreFlags {
  readonly store?: string;
  readonly storeDays: number;
  readonly storeSize: number;
}

export function storeStart({ store, storeDays, storeSize }: StoreFlags): { store?: StoreStart } {
  return store === undefined ? {} : { store: { path: store, retention: { keepUs: storeDays, keepBytes: storeSize } } };
}

function days(text: string): number {
  const count = Number(text);
  if (!(count > 0 && count <= 36_500)) throw new InvalidArgumentError('A number of days is wanted, up to 36500.');
  return Math.ceil(count * DAY_US);
}
