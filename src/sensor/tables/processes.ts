import type { ProcFiles } from '../proc-files.js';
import { parseBootTime, parseCgroup, parseCmdline, parseIds, parseStat } from '../process-table.js';
import { scannedProcesses } from './process-ids.js';
import { defineTable, type Scan } from './sensor-table.js';

const columns = {
  pid: 'BIGINT',
  name: 'TEXT',
  path: 'TEXT',
  cmdline: 'TEXT',
  state: 'TEXT',
  cwd: 'TEXT',
  root: 'TEXT',
  uid: 'BIGINT',
  gid: 'BIGINT',
  euid: 'BIGINT',
  egid: 'BIGINT',
  suid: 'BIGINT',
  sgid: 'BIGINT',
  on_disk: 'INTEGER',
  wired_size: 'BIGINT',
  resident_size: 'BIGINT',
  total_size: 'BIGINT',
  user_time: 'BIGINT',
  system_time: 'BIGINT',
  disk_bytes_read: 'BIGINT',
  disk_bytes_written: 'BIGINT',
  start_time: 'BIGINT',
  parent: 'BIGINT',
  pgroup: 'BIGINT',
  threads: 'INTEGER',
  nice: 'INTEGER',
  cgroup_path: 'TEXT',
} as const;

type Column = keyof typeof columns;

/** The kernel's USER_HZ, in which /proc counts time, is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** The processes of /proc. Threads of the kernel have no path, command line or memory. */
export const processes = defineTable({
  name: 'processes',
  columns,
  keys: ['pid'],
  *rows(scan) {
    const boot = parseBootTime(scan.files.text('/proc/stat') ?? '');
    for (const pid of scannedProcesses(scan)) {
      const row = processRow(pid, boot, scan);
      if (row !== undefined) yield row;
    }
  },
});

/** Reads as few files as the wanted columns allow. */
function processRow(pid: number, boot: number | undefined, { files, wants }: Scan<Column>) {
  const folder = `/proc/${pid}`;
  const text = files.text(`${folder}/stat`);
  const stat = text === undefined ? undefined : parseStat(text);
  if (text === undefined || stat === undefined) return undefined;
  return {
    pid,
    name: stat.name,
    state: stat.state,
    parent: stat.parent,
    pgroup: stat.pgroup,
    ...statTimes(text, boot, stat.startTicks),
    wired_size: 0,
    ...(wants('path', 'on_disk') && image(files, folder)),
    ...(wants('cmdline') && { cmdline: parseCmdline(files.text(`${folder}/cmdline`) ?? '') }),
    ...(wants('cwd') && { cwd: files.link(`${folder}/cwd`) }),
    ...(wants('root') && { root: files.link(`${folder}/root`) }),
    ...(wants('uid', 'gid', 'euid', 'egid', 'suid', 'sgid', 'resident_size', 'total_size') && status(files, folder)),
    ...(wants('disk_bytes_read', 'disk_bytes_written') && transferred(files, folder)),
    ...(wants('cgroup_path') && { cgroup_path: parseCgroup(files.text(`${folder}/cgroup`) ?? '') }),
  };
}

/** Fields of /proc/PID/stat by their number in proc(5): 14 utime, 15 stime, 19 nice, 20 num_threads. */
function statTimes(text: string, boot: number | undefined, startTicks: number) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    user_time: field(14) * MS_PER_TICK,
    system_time: field(15) * MS_PER_TICK,
    nice: field(19),
    threads: field(20),
    start_time: boot === undefined ? undefined : boot + Math.floor(startTicks / TICKS_PER_SECOND),
  };
}

function image(files: ProcFiles, folder: string) {
  const link = files.link(`${folder}/exe`);
  if (link === undefined) return { on_disk: -1 };
  const deleted = link.endsWith(' (deleted)');
  return { path: deleted ? link.slice(0, -' (deleted)'.length) : link, on_disk: deleted ? 0 : 1 };
}

function status(files: ProcFiles, folder: string) {
  const text = files.text(`${folder}/status`) ?? '';
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { ...parseIds(text), resident_size: bytes('VmRSS'), total_size: bytes('VmSize') };
}

/** Of others' processes only root may know. Writes that were taken back before they reached the disk do not count. */
function transferred(files: ProcFiles, folder: string) {
  const text = files.text(`${folder}/io`);
  if (text === undefined) return {};
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    disk_bytes_read: count('read_bytes'),
    disk_bytes_written: Math.max(0, count('write_bytes') - count('cancelled_write_bytes')),
  };
}
