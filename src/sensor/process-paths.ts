import type { ProcFiles } from './proc-files.js';

const DELETED = ' (deleted)';

/** What a process runs and where it stands, as itself sees it. */
export interface ProcessPaths {
  /** Path of the executable, also when the file was deleted; absent where it may not be seen, and of threads of the kernel. */
  readonly path?: string;
  /** Whether the file is still there; absent with `path`. */
  readonly isOnDisk?: boolean;
  /** Working directory. */
  readonly cwd?: string;
}

/**
 * Paths of a process from the links in /proc. Those begin at the root of who reads them, or for a process in another mount namespace at the
 * root of that one; what the kernel tells of an exec begins at the root of the process (chroot, containers). Both must give one path, hence
 * the process's own root is taken off.
 */
export function processPaths(files: ProcFiles, pid: number): ProcessPaths {
  const folder = `/proc/${pid}`;
  const exe = files.link(`${folder}/exe`);
  const cwd = files.link(`${folder}/cwd`);
  if (exe === undefined && cwd === undefined) return {};
  const root = files.link(`${folder}/root`) ?? '/';
  return {
    ...(exe !== undefined && {
      path: below(root, exe.endsWith(DELETED) ? exe.slice(0, -DELETED.length) : exe),
      isOnDisk: !exe.endsWith(DELETED),
    }),
    ...(cwd !== undefined && { cwd: below(root, cwd) }),
  };
}

function below(root: string, path: string): string {
  if (path === root) return '/';
  return root !== '/' && path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}
