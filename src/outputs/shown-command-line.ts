import { limits } from '../core/limits.js';

/** A command line as a line shows it. */
export interface ShownCommandLine {
  readonly cmdline?: string;
  /** Bytes of the whole, as osquery's column of that name; absent where `cmdline` is the whole. */
  readonly cmdline_size?: number;
}

/** That of the process that owns an end or whose parent it is: rules and people look at these. */
export function shownCommandLine(cmdline: string | undefined): ShownCommandLine {
  return cut(cmdline, limits.shownCommandChars);
}

/** That of an elder ancestor. A shell that was given a whole script as an argument would stand in every line of everything it started. */
export function shownElderCommandLine(cmdline: string | undefined): ShownCommandLine {
  return cut(cmdline, limits.shownElderCommandChars);
}

function cut(cmdline: string | undefined, most: number): ShownCommandLine {
  if (cmdline === undefined) return {};
  if (cmdline.length <= most) return { cmdline };
  // Half of a character of two UTF-16 units would not be text.
  const end = (cmdline.codePointAt(most - 1) ?? 0) > 0xffff ? most - 1 : most;
  return { cmdline: cmdline.slice(0, end), cmdline_size: Buffer.byteLength(cmdline) };
}
