import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { trafficKinds } from '../../src/selftest/traffic-kind.js';
import { mayMakeNamespaces } from './namespaces.js';
import { bin, jsonLines, Running, root } from './program.js';

const traffic = `${root}build/traffic`;
const reason = !mayMakeNamespaces ? 'needs root' : existsSync(traffic) ? undefined : 'build/traffic is not built';
/** Runs what follows as a child, and has a command line as long as that of a shell that was given a script. */
const longParent = ['sh', '-c', '"$@"; exit $?', 'x'.repeat(60_000)];
/** Runs what follows without root's rights, in a place where it may read this project wherever that is. */
const nobody = (...rights: readonly string[]): string[] => [
  ...['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /mnt && cd /mnt && exec "$@"', root],
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...rights],
];
const mayUnshare = spawnSync('unshare', ['-Ur', 'true']).status === 0;

interface Kind {
  readonly kind: string;
  readonly untested?: string;
  readonly score?: {
    readonly ends: number;
    readonly right: number;
    readonly wrong: number;
    readonly mistakes: string[];
  };
}

interface Result {
  readonly stage: string;
  readonly sensor: string;
  readonly kinds: readonly Kind[];
}

function selftest(prefix: readonly string[], ...flags: string[]) {
  const place = prefix[0] === 'unshare' ? bin.replace(root, '/mnt/') : bin;
  const [file, ...args] = [...prefix, process.execPath, place, 'selftest', '--json', ...flags];
  const { status, stdout, stderr } = spawnSync(file!, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status, stderr, result: jsonLines(stdout)[0] as Result | undefined };
}

/** Processes of a selftest of this project, which alone hold its namespaces: the traffic program, and this one where it captures at the tap. */
function selftestProcesses(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return readlinkSync(`/proc/${pid}/exe`).startsWith(traffic) || (words.includes(bin) && words.includes('br0'));
    } catch {
      return false;
    }
  });
}

const leftFolders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('correlate-selftest-'));

async function soon(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; !isSo(); i++) {
    if (i > 200) throw new Error(`not so after 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.skipIf(reason !== undefined)(`selftest${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  it('as root makes every kind of traffic or says why not, names no wrong process and nearly every right one', () => {
    const { status, stderr, result } = selftest(longParent, '--baseline');
    expect(result, stderr).toMatchObject({ stage: 'namespaces', sensor: 'ebpf' });
    expect(result!.kinds.map(({ kind }) => kind)).toEqual(trafficKinds.map(({ name }) => name));
    const untested = result!.kinds.filter(({ untested }) => untested !== undefined);
    // A kernel may be without these.
    for (const { kind, untested: why } of untested) expect([kind, why]).toEqual(['sctp', expect.stringMatching(/./)]);
    const wrong = result!.kinds.filter(({ score }) => (score?.wrong ?? 0) > 0);
    expect(wrong.flatMap(({ score }) => score!.mistakes)).toEqual([]);
    expect(status).toBe(0);
    const tcp = result!.kinds.filter(({ kind }) => kind.startsWith('tcp-') || kind === 'short-lived');
    for (const { score } of tcp) expect(score!.right).toBe(score!.ends);
    expect(selftestProcesses()).toEqual([]);
    expect(leftFolders()).toEqual([]);
  });

  it('without privileges does the same in a user namespace and names no wrong process, or says what it lacks', () => {
    const flags = ['low-and-slow', 'tcp-down', 'loopback', 'prefork', 'many-peers'].flatMap((kind) => ['--kind', kind]);
    const { status, stderr, result } = selftest(nobody(), ...flags);
    // In a chroot not even root may make one.
    if (!mayUnshare) {
      expect(status).toBe(1);
      expect(stderr).toContain('cap_net_raw');
      return;
    }
    expect(result, stderr).toMatchObject({ sensor: 'poll', stage: 'user-namespace' });
    const slow = result!.kinds.find(({ kind }) => kind === 'low-and-slow')!;
    expect(slow.score).toMatchObject({ ends: 2, right: 2, wrong: 0 });
    expect(status).toBe(0);
  });

  it('says on loopback what it may not do', () => {
    const rights = ['--inh-caps=+net_raw', '--ambient-caps=+net_raw'];
    const kinds = ['--kind', 'container', '--kind', 'tcp-down'];
    const { status, result, stderr } = selftest(nobody(...rights), '--loopback', ...kinds);
    expect([status, result?.stage], stderr).toEqual([0, 'loopback']);
    expect(result!.kinds.find(({ kind }) => kind === 'container')).toMatchObject({
      untested: expect.stringContaining('not permitted') as string,
    });
  });

  it('fails with a reason where nothing may be captured', () => {
    const { status, stderr } = selftest(nobody(), '--loopback', '--kind', 'tcp-down');
    expect(status).toBe(1);
    expect(jsonLines(stderr).at(-1)).toMatchObject({ code: 'SELFTEST_FAILED' });
    expect(stderr).toContain('cap_net_raw');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'leaves nothing behind after %s',
    async (signal) => {
      const program = new Running([process.execPath, bin, 'selftest', '--kind', 'low-and-slow', '--baseline']);
      await soon('traffic', () => selftestProcesses().length > 6);
      program.signal(signal);
      expect(await program.ended).toBe(signal === 'SIGKILL' ? null : 130);
      await soon('no process is left', () => selftestProcesses().length === 0);
      if (signal !== 'SIGKILL') expect(leftFolders()).toEqual([]);
      else for (const name of leftFolders()) spawnSync('rm', ['-r', `${tmpdir()}/${name}`]);
    },
    60_000,
  );

  it('fails and leaves nothing behind when a program of it is killed', async () => {
    const program = new Running([process.execPath, bin, 'selftest', '--kind', 'low-and-slow']);
    const watching = (): string | undefined =>
      readdirSync('/proc').find((pid) => {
        try {
          const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
          return words.includes('run') && words.includes('br0') && parent === String(program.child.pid);
        } catch {
          return false;
        }
      });
    await soon('traffic', () => selftestProcesses().length > 6 && watching() !== undefined);
    process.kill(Number(watching()), 'SIGKILL');
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('SELFTEST_FAILED');
    expect(selftestProcesses()).toEqual([]);
  });
});
