import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlValue } from '../../../src/records/host-database.js';
import { LocalTables } from '../../../src/sensor/sql/local-tables.js';

const isLinux = process.platform === 'linux';
const has = (tool: string) => isLinux && spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const run = (tool: string, ...args: string[]) => execFileSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 26 });

let local: LocalTables;
const folder = mkdtempSync(join(tmpdir(), 'tables-'));
const deep = join(folder, 'deep/er/some file');
const children: ChildProcess[] = [];
let server: Server;

beforeAll(async () => {
  local = await LocalTables.open();
  children.push(spawn('sleep', ['1000'], { stdio: 'ignore', cwd: folder }));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(folder, 'some file'), 'abc');
  symlinkSync('some file', join(folder, 'link'));
  mkdirSync(join(folder, 'deep/er'), { recursive: true });
  writeFileSync(deep, '');
});

afterAll(() => {
  local.close();
  for (const child of children) child.kill('SIGKILL');
  server.close();
  rmSync(folder, { recursive: true });
});

function rows(sql: string): Record<string, SqlValue>[] {
  const { columns, rows: found } = local.query(sql, { rows: 100_000, timeoutMs: 20_000 });
  return found.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]!])));
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

describe.skipIf(!has('ps'))('processes (skipped without ps)', () => {
  it('are those of ps, with parent, group, ids, nice level and threads', () => {
    const { pid } = children[0]!;
    const [told] = rows(`SELECT * FROM processes WHERE pid = ${pid}`);
    const [ppid, pgid, ruid, euid, rgid, ni, nlwp, stat, vsz, rss, comm] = run(
      'ps',
      '-o',
      'ppid=,pgid=,ruid=,euid=,rgid=,ni=,nlwp=,state=,vsz=,rss=,comm=',
      '-p',
      String(pid),
    )
      .trim()
      .split(/\s+/);
    expect(told).toMatchObject({
      parent: Number(ppid),
      pgroup: Number(pgid),
      uid: Number(ruid),
      euid: Number(euid),
      gid: Number(rgid),
      nice: Number(ni),
      threads: Number(nlwp),
      state: stat,
      total_size: Number(vsz) * 1024,
      resident_size: Number(rss) * 1024,
      name: comm,
      cwd: folder,
      cmdline: 'sleep 1000',
      root: '/',
      on_disk: 1,
    });
    const age = Number(run('ps', '-o', 'etimes=', '-p', String(pid)));
    expect(Math.abs(Date.now() / 1000 - age - Number(told!.start_time))).toBeLessThan(3);
  });

  it('are as many as ps shows', () => {
    const before = new Set(lines(run('ps', '-eo', 'pid=')).map(Number));
    const told = new Set(rows('SELECT pid FROM processes').map(({ pid }) => Number(pid)));
    const after = new Set(lines(run('ps', '-eo', 'pid=')).map(Number));
    // Those that lived through both.
    expect([...before].filter((pid) => after.has(pid) && !told.has(pid))).toEqual([]);
    expect(told.size).toBeLessThanOrEqual(before.size + after.size);
  });

  it('have CPU time that grows', () => {
    const [before] = rows(`SELECT user_time + system_time AS ms FROM processes WHERE pid = ${process.pid}`);
    const { user, system } = process.cpuUsage();
    expect(Math.abs(Number(before!.ms) - (user + system) / 1000)).toBeLessThan(1000);
  });
});

describe.skipIf(!has('ss'))('sockets (skipped without ss)', () => {
  it('are those of ss in this namespace, by state, addresses and inode', () => {
    const ss = () =>
      lines(run('ss', '-Htuane')).flatMap((line) => {
        const [kind, state, , , localEnd, remoteEnd] = line.trim().split(/\s+/);
        const inode = Number(/\bino:(\d+)/.exec(line)?.[1] ?? 0);
        return inode === 0 ? [] : [`${inode} ${kind} ${state} ${portOf(localEnd!)} ${portOf(remoteEnd!)}`];
      });
    const names: Record<string, string> = { LISTEN: 'LISTEN', ESTABLISHED: 'ESTAB', CLOSE_WAIT: 'CLOSE-WAIT' };
    const before = ss();
    const told = new Set(
      rows('SELECT DISTINCT socket, protocol, state, local_port, remote_port FROM process_open_sockets').map((row) => {
        const kind = row.protocol === 6 ? 'tcp' : 'udp';
        const state =
          row.protocol === 6
            ? (names[String(row.state)] ?? row.state)
            : Number(row.remote_port) > 0
              ? 'ESTAB'
              : 'UNCONN';
        return `${row.socket} ${kind} ${state} ${row.local_port} ${row.remote_port}`;
      }),
    );
    const after = new Set(ss());
    const lasting = before.filter((line) => after.has(line));
    expect(lasting.length).toBeGreaterThan(0);
    expect(lasting.filter((line) => !told.has(line))).toEqual([]);
  });

  it('have their owner, namespace and listening port', () => {
    const { port } = server.address() as { port: number };
    const listening = rows(
      `SELECT l.*, p.name FROM listening_ports l JOIN processes p USING (pid) WHERE port = ${port}`,
    );
    const netns = run('readlink', `/proc/${process.pid}/ns/net`).replace(/\D/g, '');
    expect(listening).toHaveLength(1);
    expect(listening[0]).toMatchObject({
      pid: process.pid,
      address: '127.0.0.1',
      protocol: 6,
      family: 2,
      path: '',
      net_namespace: netns,
    });
    const [{ fd } = { fd: -1 }] = listening;
    expect(run('readlink', `/proc/${process.pid}/fd/${fd}`).trim()).toBe(`socket:[${listening[0]!.socket}]`);
  });

  it('are there once for each process that holds them', () => {
    const { port } = server.address() as { port: number };
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const heir = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd, fd] });
    children.push(heir);
    const holders = rows(`SELECT pid, fd FROM listening_ports WHERE port = ${port} AND pid <> ${process.pid}`);
    expect(holders).toEqual([{ pid: heir.pid, fd: 3 }]);
    expect(rows(`SELECT fd FROM process_open_sockets WHERE local_port = ${port} AND pid = ${process.pid}`)).toEqual([
      { fd },
    ]);
  });

  it('include UNIX sockets by name', () => {
    const named = lines(run('ss', '-Hxl'))
      .map((line) => line.trim().split(/\s+/))
      .map((fields) => ({ path: fields[4]!, inode: Number(fields[5]) }));
    const told = rows('SELECT path, socket FROM listening_ports WHERE family = 1');
    for (const { path, inode } of named.filter((each) => each.path.startsWith('/')))
      expect(told).toContainEqual({ path, socket: inode });
  });
});

function portOf(end: string): string {
  const port = end.slice(end.lastIndexOf(':') + 1);
  return port === '*' ? '0' : port;
}

describe.skipIf(!has('getent'))('users and groups (skipped without getent)', () => {
  it('are those of the databases', () => {
    const passwd = lines(run('getent', 'passwd')).map((line) => line.split(':'));
    expect(rows('SELECT username, uid, gid, directory, shell FROM users')).toEqual(
      passwd.map(([username, , uid, gid, , directory, shell]) => ({
        username,
        uid: Number(uid),
        gid: Number(gid),
        directory,
        shell,
      })),
    );
    const group = lines(run('getent', 'group')).map((line) => line.split(':'));
    expect(rows('SELECT groupname, gid FROM groups')).toEqual(
      group.map(([groupname, , gid]) => ({ groupname, gid: Number(gid) })),
    );
  });

  it('belong together as id says', () => {
    const { username, uid } = userInfo();
    const wanted = run('id', '-G', username).trim().split(' ').map(Number);
    const told = rows(`SELECT gid FROM user_groups WHERE uid = ${uid}`).map(({ gid }) => Number(gid));
    expect(told.sort((a, b) => a - b)).toEqual(wanted.sort((a, b) => a - b));
  });
});

describe.skipIf(!has('ip'))('network (skipped without ip)', () => {
  interface Link {
    readonly ifname: string;
    readonly mtu: number;
    readonly address?: string;
    readonly operstate: string;
    readonly flags: readonly string[];
    readonly addr_info: readonly {
      readonly family: string;
      readonly local: string;
      readonly prefixlen: number;
      readonly broadcast?: string;
    }[];
  }
  const links = () => JSON.parse(run('ip', '-j', 'address')) as Link[];

  it('has the interfaces of ip, with MAC, MTU and flags', () => {
    const told = rows(
      'SELECT interface, mac, mtu, (flags & 1) AS up, (flags & 8) > 0 AS loopback FROM interface_details',
    );
    for (const { ifname, mtu, address, flags } of links()) {
      expect(told).toContainEqual({
        interface: ifname,
        mac: address ?? null,
        mtu,
        up: flags.includes('UP') ? 1 : 0,
        loopback: flags.includes('LOOPBACK') ? 1 : 0,
      });
    }
  });

  it('has the addresses of interfaces that are up, with mask and broadcast', () => {
    const told = rows('SELECT interface, address, broadcast FROM interface_addresses');
    for (const { ifname, flags, addr_info } of links()) {
      if (!flags.includes('UP')) continue;
      for (const { family, local: address, broadcast } of addr_info) {
        const [row] = told.filter((each) => each.interface === ifname && each.address === address);
        expect([ifname, address, row !== undefined]).toEqual([ifname, address, true]);
        if (family === 'inet' && ifname !== 'lo') expect(row?.broadcast).toBe(broadcast ?? '');
      }
    }
  });

  it('has the default route', () => {
    const [route] = JSON.parse(run('ip', '-j', '-4', 'route', 'show', 'default')) as {
      gateway?: string;
      dev: string;
      metric?: number;
    }[];
    const told = rows("SELECT gateway, interface, metric FROM routes WHERE destination = '0.0.0.0' AND netmask = 0");
    if (route === undefined) expect(told).toEqual([]);
    else expect(told).toContainEqual({ gateway: route.gateway ?? '', interface: route.dev, metric: route.metric ?? 0 });
  });

  it('has the neighbours that answered', () => {
    const known = JSON.parse(run('ip', '-j', '-4', 'neigh')) as { dst: string; lladdr?: string; dev: string }[];
    const told = rows('SELECT address, mac, interface FROM arp_cache');
    for (const { dst, lladdr, dev } of known)
      if (lladdr !== undefined) expect(told).toContainEqual({ address: dst, mac: lladdr, interface: dev });
  });
});

describe.skipIf(!has('findmnt'))('mounts (skipped without findmnt)', () => {
  it('are those of findmnt', () => {
    const { filesystems } = JSON.parse(run('findmnt', '--json', '--list', '-o', 'TARGET,FSTYPE,SOURCE')) as {
      filesystems: { target: string; fstype: string }[];
    };
    const told = rows('SELECT path, type FROM mounts').map(({ path, type }) => `${path} ${type}`);
    expect(told.sort()).toEqual(filesystems.map(({ target, fstype }) => `${target} ${fstype}`).sort());
  });

  it('have the sizes of df', () => {
    const [blocks] = lines(run('stat', '-f', '-c', '%b', '/'));
    const [told] = rows("SELECT blocks, blocks_size FROM mounts WHERE path = '/' ORDER BY rowid DESC LIMIT 1");
    expect(told?.blocks).toBe(Number(blocks));
  });
});

describe.skipIf(!isLinux)('this machine (skipped where there is no Linux)', () => {
  it('is described as uname, nproc and the release file do', () => {
    const [told] = rows('SELECT * FROM system_info, os_version, kernel_info, uptime');
    expect(told).toMatchObject({
      hostname: hostname(),
      cpu_type: run('uname', '-m').trim(),
      cpu_logical_cores: Number(run('nproc', '--all')),
      arch: run('uname', '-m').trim(),
      platform: run('sh', '-c', '. /etc/os-release; echo $ID').trim(),
      version: run('uname', '-r').trim(),
    });
    expect(Number(told!.physical_memory)).toBe(
      Number(/MemTotal:\s+(\d+)/.exec(run('cat', '/proc/meminfo'))![1]) * 1024,
    );
    const total =
      Number(told!.days) * 86_400 + Number(told!.hours) * 3600 + Number(told!.minutes) * 60 + Number(told!.seconds);
    expect(total).toBe(told!.total_seconds);
  });

  it('has the kernel settings of sysctl and the programs that find finds', () => {
    const read = (name: string) => run('cat', `/proc/sys/${name.replaceAll('.', '/')}`).trim();
    const names = ['kernel.ostype', 'net.ipv4.ip_forward', 'net.ipv4.ip_local_port_range'];
    for (const name of names) {
      const [row] = rows(`SELECT current_value, subsystem FROM system_controls WHERE name = '${name}'`);
      expect(row).toEqual({ current_value: read(name), subsystem: name.split('.')[0] });
    }
    const count = rows("SELECT count(*) AS n FROM system_controls WHERE subsystem = 'kernel'")[0]!.n;
    expect(Number(count)).toBeGreaterThan(20);
    const found = lines(run('find', '/usr/bin', '-maxdepth', '1', '-type', 'f', '-perm', '/6000', '-printf', '%f\n'));
    const told = rows("SELECT path FROM suid_bin WHERE path LIKE '/bin/%' OR path LIKE '/usr/bin/%'");
    expect(told.map(({ path }) => String(path).split('/').at(-1))).toEqual(expect.arrayContaining(found));
    expect(found.length).toBeGreaterThan(0);
  });

  it('has files as stat shows them, by path, pattern and folder', () => {
    const path = join(folder, 'some file');
    const [size, mode, uid, inode, mtime] = run('stat', '-c', '%s %04a %u %i %Y', path).trim().split(' ');
    const wanted = {
      path,
      filename: 'some file',
      size: Number(size),
      mode,
      uid: Number(uid),
      inode: Number(inode),
      mtime: Number(mtime),
      type: 'regular',
    };
    expect(rows(`SELECT * FROM file WHERE path = '${path}'`)).toMatchObject([
      { ...wanted, directory: folder, symlink: 0 },
    ]);
    expect(rows(`SELECT path FROM file WHERE path LIKE '${folder}/some%'`)).toEqual([{ path }]);
    const all = rows(
      `SELECT filename, size, symlink, symlink_target_path FROM file WHERE directory = '${folder}' AND type <> 'directory'`,
    );
    expect(all).toEqual([
      { filename: 'link', size: 3, symlink: 1, symlink_target_path: path },
      { filename: 'some file', size: 3, symlink: 0, symlink_target_path: '' },
    ]);
    expect(rows(`SELECT path FROM file WHERE path LIKE '${folder}/d%/er/some%'`)).toEqual([{ path: deep }]);
    expect(rows(`SELECT path FROM file WHERE path LIKE '${folder}/%%/some file'`)).toEqual([{ path: deep }]);
    expect(rows(`SELECT path FROM file WHERE directory LIKE '${folder}/%%' AND type = 'regular'`)).toEqual([
      { path: deep },
    ]);
  });

  it('shows a circle of links as links, and leaves out what is not there', () => {
    symlinkSync('circle', join(folder, 'circle'));
    const paths = ['circle', 'some file/x', 'none'].map((name) => `'${join(folder, name)}'`);
    expect(rows(`SELECT filename, type, symlink FROM file WHERE path IN (${paths})`)).toEqual([
      { filename: 'circle', type: 'symlink', symlink: 1 },
    ]);
    expect(rows(`SELECT * FROM hash WHERE path IN (${paths})`)).toEqual([]);
    rmSync(join(folder, 'circle'));
  });

  it('hashes as md5sum and the like do, also what a join names', () => {
    const path = join(folder, 'some file');
    const sum = (tool: string) => run(tool, path).split(' ')[0]!;
    const wanted = { md5: sum('md5sum'), sha1: sum('sha1sum'), sha256: sum('sha256sum') };
    expect(rows(`SELECT md5, sha1, sha256 FROM hash WHERE path = '${path}'`)).toEqual([wanted]);
    expect(
      rows(
        `SELECT filename, sha256 FROM file JOIN hash USING (path) WHERE file.directory = '${folder}' AND symlink = 0`,
      ),
    ).toEqual([{ filename: 'some file', sha256: wanted.sha256 }]);
  });

  it('waits neither for a pipe nor for a device when it hashes', () => {
    const pipe = join(folder, 'pipe');
    run('mkfifo', pipe);
    expect(rows(`SELECT * FROM hash WHERE path IN ('${pipe}', '/dev/zero', '/dev/tty', '/etc')`)).toEqual([]);
    rmSync(pipe);
  });
});

describe.skipIf(!has('lsof'))('open files (skipped without lsof)', () => {
  it('are those of lsof', () => {
    const { pid } = children[0]!;
    const shown = lines(run('lsof', '-w', '-p', String(pid), '-a', '-d', '0-999', '-Fn'))
      .filter((line) => line.startsWith('n/'))
      .map((line) => line.slice(1));
    expect(rows(`SELECT path FROM process_open_files WHERE pid = ${pid}`).map(({ path }) => path)).toEqual(shown);
    expect(rows(`SELECT count(*) AS n FROM process_memory_map WHERE pid = ${pid}`)[0]?.n).toBe(
      lines(run('cat', `/proc/${pid}/maps`)).length,
    );
    const [namespaces] = rows(`SELECT * FROM process_namespaces WHERE pid = ${pid}`);
    expect(namespaces?.mnt_namespace).toBe(run('readlink', `/proc/${pid}/ns/mnt`).replace(/\D/g, ''));
  });
});
