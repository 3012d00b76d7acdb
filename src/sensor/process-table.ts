/** What /proc/PID/stat tells (proc(5)). */
export interface ProcStat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly pgroup: number;
  /** Start in clock ticks since boot. With the pid it names a process for good. */
  readonly startTicks: number;
  /** Changes with every exec: where the code and the stack of the image begin. Zeros when the kernel does not tell us. */
  readonly image: string;
}

/** The name stands in parentheses and may hold blanks and parentheses itself. */
export function parseStat(text: string): ProcStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  // fields[0] is field 3 of proc(5): 4 ppid, 5 pgrp, 22 starttime, 26 startcode, 28 startstack.
  const [parent, pgroup, startTicks] = [Number(fields[1]), Number(fields[2]), Number(fields[19])];
  if (!Number.isSafeInteger(parent) || !Number.isSafeInteger(pgroup) || !Number.isSafeInteger(startTicks))
    return undefined;
  const name = text.slice(open + 1, close);
  return { name, state: fields[0]!, parent, pgroup, startTicks, image: `${fields[23]} ${fields[25]}` };
}

/** Real, effective and saved ids of a process, from /proc/PID/status. */
export interface ProcIds {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
}

export function parseIds(status: string): ProcIds | undefined {
  const users = /^Uid:\t(\d+)\t(\d+)\t(\d+)/m.exec(status);
  const groups = /^Gid:\t(\d+)\t(\d+)\t(\d+)/m.exec(status);
  if (users === null || groups === null) return undefined;
  return {
    uid: Number(users[1]),
    euid: Number(users[2]),
    suid: Number(users[3]),
    gid: Number(groups[1]),
    egid: Number(groups[2]),
    sgid: Number(groups[3]),
  };
}

/** The arguments of /proc/PID/cmdline, joined by blanks as osquery does. */
export function parseCmdline(text: string): string {
  return text.replace(/\0+$/, '').replaceAll('\0', ' ');
}

/**
 * The control group out of /proc/PID/cgroup: that of version 2 where processes are sorted by it, else the first that is not the root, as
 * where containers have groups of version 1.
 */
export function parseCgroup(text: string): string | undefined {
  let unified: string | undefined;
  let other: string | undefined;
  for (const line of text.split('\n')) {
    const path = /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1];
    if (path === undefined) continue;
    if (line.startsWith('0::')) unified = path;
    else if (path !== '/') other ??= path;
  }
  return unified === undefined || unified === '/' ? (other ?? unified) : unified;
}

/** Epoch seconds of the boot, from /proc/stat. */
export function parseBootTime(text: string): number | undefined {
  const match = /^btime (\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}
