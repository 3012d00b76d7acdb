import { createRequire } from 'node:module';
import type { Logger, pino } from 'pino';
import type { Warn, Warning } from '../core/warnings.js';
import { standardError } from './standard-error.js';

/** What the program says of itself, on stderr: lines for a person at a terminal, JSON lines elsewhere or when asked for. */
export interface Log {
  info(message: string): void;
  warn: Warn;
  error(warning: Warning): void;
}

export interface LogOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** pino's numeric levels by name, as far as they are used. */
const names: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warning', 50: 'error' };

interface PinoLine extends Partial<Warning> {
  readonly level: number;
  readonly msg: string;
}

function personLine(json: string): string {
  const { level, msg, code, where, count } = JSON.parse(json) as PinoLine;
  const place = where === undefined ? '' : `${where}: `;
  const times = count === undefined || count < 2 ? '' : ` (${count} times)`;
  return `${names[level] ?? level}: ${place}${msg}${times}${code === undefined ? '' : ` [${code}]`}\n`;
}

/** Loaded with the first line that is written: a quiet run over files needs none, and starting the logger takes longer than a small file. */
const load = createRequire(import.meta.url);

export function createLog(options: LogOptions): Log {
  const json = options.json || !standardError().isTTY;
  const level = options.quiet ? 'warn' : options.verbose ? 'debug' : 'info';
  const start = (): Logger =>
    (load('pino') as { pino: typeof pino }).pino(
      { level, base: null, serializers: {} },
      { write: (line) => void standardError().write(json ? line : personLine(line)) },
    );
  let started: Logger | undefined;
  const logger = (): Logger => {
    started ??= start();
    return started;
  };
  const fields = ({ message: _, ...rest }: Warning) => rest;
  return {
    info: (message) => {
      if (!options.quiet) logger().info(message);
    },
    warn: (warning) => logger().warn(fields(warning), warning.message),
    error: (warning) => logger().error(fields(warning), warning.message),
  };
}
