import type { ProcFiles } from './proc-files.js';
import type { WatchedProcess } from './process-watch.js';

/** Sockets of a process: inode to its lowest file descriptor. */
export type HeldSockets = ReadonlyMap<number, number>;

interface Holder {
  readonly startTicks: number;
  readonly held: HeldSockets;
  readonly isDenied: boolean;
  /** Number of the poll that read its descriptors last. */
  readonly walked: number;
}

/** A tenth of all processes are read again in every poll. */
const ROTATION = 10;

/**
 * Finds which processes hold which sockets, reading as few descriptor folders as possible. A poll reads those
 *  1. of processes that are fresh (a fork inherits sockets, an exec closes some),
 *  2. of processes that hold a socket with others and no longer have it where it was,
 *  3. of a tenth of all, the longest unread first, which finds sockets that were passed on or whose last but one holder closed,
 *  4. when a socket has no known holder: of further processes, those with sockets first, until it has one.
 * A socket that nobody turns out to hold (closed meanwhile, the kernel's own, not permitted) is not searched again.
 */
export class SocketOwners {
  private readonly holders = new Map<number, Holder>();
  private readonly unowned = new Set<number>();
  private polls = 0;
  /** Descriptor folders read in the last poll. */
  walks = 0;

  constructor(private readonly files: ProcFiles) {}

  /** Processes whose descriptors may not be read. */
  get deniedProcesses(): number {
    let count = 0;
    for (const { isDenied } of this.holders.values()) if (isDenied) count++;
    return count;
  }

  /** Holders by pid, given the processes alive and the sockets that exist. */
  poll(processes: ReadonlyMap<number, WatchedProcess>, inodes: ReadonlySet<number>): ReadonlyMap<number, HeldSockets> {
    this.polls++;
    this.walks = 0;
    this.dropDead(processes);
    for (const process of processes.values()) if (process.isFresh || !this.holders.has(process.pid)) this.walk(process);
    this.checkShared(processes, inodes);
    this.rotate(processes);
    this.search(processes, inodes);
    const held = new Map<number, HeldSockets>();
    for (const [pid, holder] of this.holders) if (holder.held.size > 0) held.set(pid, holder.held);
    return held;
  }

  private dropDead(processes: ReadonlyMap<number, WatchedProcess>): void {
    for (const [pid, { startTicks }] of this.holders) {
      if (processes.get(pid)?.startTicks !== startTicks) this.holders.delete(pid);
    }
  }

  /** A socket held by several goes on existing when one of them closes it, so each of them is asked again. */
  private checkShared(processes: ReadonlyMap<number, WatchedProcess>, inodes: ReadonlySet<number>): void {
    const count = new Map<number, number>();
    for (const { held } of this.holders.values()) {
      for (const inode of held.keys()) if (inodes.has(inode)) count.set(inode, (count.get(inode) ?? 0) + 1);
    }
    for (const [pid, holder] of this.holders) {
      if (holder.walked === this.polls) continue;
      for (const [inode, fd] of holder.held) {
        if ((count.get(inode) ?? 0) < 2 || this.files.link(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) continue;
        this.walk(processes.get(pid)!);
        break;
      }
    }
  }

  private rotate(processes: ReadonlyMap<number, WatchedProcess>): void {
    const due = [...this.holders].filter(([, { walked }]) => this.polls - walked >= ROTATION);
    due.sort(([, a], [, b]) => a.walked - b.walked);
    for (const [pid] of due.slice(0, Math.ceil(processes.size / ROTATION))) this.walk(processes.get(pid)!);
  }

  private search(processes: ReadonlyMap<number, WatchedProcess>, inodes: ReadonlySet<number>): void {
    const owned = new Set<number>();
    for (const { held } of this.holders.values()) for (const inode of held.keys()) owned.add(inode);
    const missing = new Set<number>();
    for (const inode of inodes) if (!owned.has(inode) && !this.unowned.has(inode)) missing.add(inode);
    if (missing.size > 0) {
      const order = [...this.holders].filter(([, { walked }]) => walked !== this.polls);
      order.sort(([, a], [, b]) => b.held.size - a.held.size);
      for (const [pid] of order) {
        if (missing.size === 0) break;
        for (const inode of this.walk(processes.get(pid)!).keys()) missing.delete(inode);
      }
    }
    for (const inode of this.unowned) if (!inodes.has(inode)) this.unowned.delete(inode);
    for (const inode of missing) this.unowned.add(inode);
  }

  private walk({ pid, startTicks }: WatchedProcess): HeldSockets {
    this.walks++;
    const held = new Map<number, number>();
    const folder = `/proc/${pid}/fd`;
    this.files.denied = false;
    const names = this.files.names(folder);
    const isDenied = this.files.denied;
    for (const name of names ?? []) {
      const target = this.files.link(`${folder}/${name}`);
      if (target === undefined || !target.startsWith('socket:[')) continue;
      const inode = Number(target.slice(8, -1));
      const fd = Number(name);
      if (fd < (held.get(inode) ?? Number.POSITIVE_INFINITY)) held.set(inode, fd);
    }
    this.holders.set(pid, { startTicks, held, isDenied, walked: this.polls });
    return held;
  }
}
