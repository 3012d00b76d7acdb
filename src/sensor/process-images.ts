import { limits } from '../core/limits.js';
import type { ProcFiles } from './proc-files.js';
import { processPaths } from './process-paths.js';
import { parseCgroup, parseCmdline } from './process-table.js';

/** What a process runs. */
export interface ProcessImage {
  readonly path?: string;
  readonly cmdline?: string;
  readonly cwd?: string;
  /** Its control group. */
  readonly cgroup_path?: string;
}

/**
 * What every process runs, from /proc at first and then from its own forks, execs and exits, so that a record about a pid can be told
 * with the image of that moment although the process is gone when it is read. Bound: `limits.sensorProcesses`; beyond it the one
 * known for longest is forgotten, and its rows have no path.
 */
export class ProcessImages {
  private readonly images = new Map<number, ProcessImage>();

  /** Reads the processes that are there. */
  seed(files: ProcFiles): void {
    for (const name of files.names('/proc') ?? []) {
      const pid = Number(name);
      if (!Number.isSafeInteger(pid)) continue;
      const { path, cwd } = processPaths(files, pid);
      if (path === undefined) continue;
      const cmdline = parseCmdline(files.text(`/proc/${pid}/cmdline`) ?? '');
      const cgroup = parseCgroup(files.text(`/proc/${pid}/cgroup`) ?? '');
      this.set(pid, {
        path,
        ...(cmdline !== '' && { cmdline }),
        ...(cwd !== undefined && { cwd }),
        ...(cgroup !== undefined && { cgroup_path: cgroup }),
      });
    }
  }

  get(pid: number): ProcessImage | undefined {
    return this.images.get(pid);
  }

  set(pid: number, image: ProcessImage): void {
    this.images.delete(pid);
    this.images.set(pid, image);
    if (this.images.size > limits.sensorProcesses) this.images.delete(this.images.keys().next().value!);
  }

  delete(pid: number): void {
    this.images.delete(pid);
  }
}
