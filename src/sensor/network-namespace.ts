import type { ProcFiles } from './proc-files.js';

/** Inode of the network namespace of this process. */
export function ownNamespace(files: ProcFiles): string | undefined {
  return namespaceId(files.link('/proc/self/ns/net'));
}

/** The inode in the link of a namespace file, `net:[4026531840]`. */
export function namespaceId(link: string | undefined): string | undefined {
  return /^net:\[(\d+)\]$/.exec(link ?? '')?.[1];
}
