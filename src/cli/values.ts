import { InvalidArgumentError, Option } from 'commander';
import { type Micros, parseSeconds, SECOND } from '../core/time.js';

/** Parsers of option values. Each throws commander's InvalidArgumentError, which becomes a usage error with exit code 2. */

/** Seconds, with decimals, as microseconds. */
export function seconds(text: string): Micros {
  const us = parseSeconds(text);
  if (us === undefined || us < 0) throw new InvalidArgumentError('Seconds are wanted, for example 2 or 0.5.');
  return us;
}

/** A timer of Node.js that is longer than this many milliseconds fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** As `seconds`, of a time that somebody waits for. */
export function waitingSeconds(text: string): Micros {
  const us = seconds(text);
  const most = Math.floor(LONGEST_TIMER_MS / 1000);
  if (us > most * SECOND) throw new InvalidArgumentError(`At most ${most} seconds, which are 24 days.`);
  return us;
}

/** An option of seconds, with what it is when it is not given. Its value is in microseconds. */
export function secondsOption(flags: string, description: string, usual: number, parse = seconds): Option {
  return new Option(flags, description).argParser(parse).default(usual * SECOND, String(usual));
}

/** A count of bytes with an optional k, M or G (powers of 1024). */
export function bytes(text: string): number {
  const value = byteCount(text);
  if (value < 1 || value > 2 ** 31) throw new InvalidArgumentError('Between 1 byte and 2G.');
  return value;
}

/** As `bytes`, of a disk. */
export function diskBytes(text: string): number {
  const value = byteCount(text);
  if (value < 1 << 20 || value > 2 ** 44) throw new InvalidArgumentError('Between 1M and 16384G.');
  return value;
}

function byteCount(text: string): number {
  const match = /^(\d+)([kMG]?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('A number of bytes is wanted, for example 65535 or 64M.');
  return Number(match[1]) * { '': 1, k: 1 << 10, M: 1 << 20, G: 1 << 30 }[match[2] as '' | 'k' | 'M' | 'G'];
}

/** `eth0` or `eth0@host`. */
export function interfaceRef(text: string): { name: string; host?: string } {
  const at = text.lastIndexOf('@');
  if (at < 0) return { name: text };
  const name = text.slice(0, at);
  const host = text.slice(at + 1);
  if (name === '' || host === '') throw new InvalidArgumentError('INTERFACE or INTERFACE@HOST is wanted.');
  return { name, host };
}

/** Collects the values of an option that may be given several times. */
export function repeated<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

export const asText = (text: string): string => text;
