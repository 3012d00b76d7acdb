import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.js';
import type { AnyTableRow } from '../../../src/records/host-row.js';
import { parseCgroup } from '../../../src/sensor/process-table.js';
import { parseArp } from '../../../src/sensor/tables/arp-cache.js';
import { parseAuthorizedKeys } from '../../../src/sensor/tables/authorized-keys.js';
import { parseCrontab } from '../../../src/sensor/tables/crontab.js';
import { parseResolvers } from '../../../src/sensor/tables/dns-resolvers.js';
import { parseHosts } from '../../../src/sensor/tables/etc-hosts.js';
import { EventLog } from '../../../src/sensor/tables/event-log.js';
import { parseGroups } from '../../../src/sensor/tables/group-file.js';
import { parseDeviceCounts } from '../../../src/sensor/tables/interface-details.js';
import { parseKernelCommandLine } from '../../../src/sensor/tables/kernel-info.js';
import { parseLoginRecords } from '../../../src/sensor/tables/login-records.js';
import { parseMounts } from '../../../src/sensor/tables/mounts.js';
import { parseUnixSockets } from '../../../src/sensor/tables/open-sockets.js';
import { parseOsRelease } from '../../../src/sensor/tables/os-version.js';
import { parseMaps } from '../../../src/sensor/tables/process-memory-map.js';
import { parseIpv4Routes, parseIpv6Routes } from '../../../src/sensor/tables/routes.js';
import { parseSysctl } from '../../../src/sensor/tables/system-controls.js';
import { parseProcessors } from '../../../src/sensor/tables/system-info.js';
import { timeRow } from '../../../src/sensor/tables/time.js';

function loginRecord(type: number, pid: number, tty: string, user: string, host: string, time: number): Buffer {
  const bytes = Buffer.alloc(384);
  bytes.writeInt16LE(type, 0);
  bytes.writeInt32LE(pid, 4);
  bytes.write(tty, 8);
  bytes.write(user, 44);
  bytes.write(host, 76);
  bytes.writeUInt32LE(time, 340);
  return bytes;
}

describe('the parsers of tables', () => {
  it('read login records, also names that fill their field, and leave a torn one out', () => {
    const long = 'u'.repeat(32);
    const file = Buffer.concat([
      loginRecord(7, 42, 'pts/0', long, '192.0.2.1', 1_700_000_000),
      loginRecord(8, 43, 'pts/1', '', '', 5),
      Buffer.alloc(383),
    ]);
    expect(parseLoginRecords(file)).toEqual([
      { type: 7, pid: 42, tty: 'pts/0', user: long, host: '192.0.2.1', time: 1_700_000_000 },
      { type: 8, pid: 43, tty: 'pts/1', user: '', host: '', time: 5 },
    ]);
  });

  it('read UNIX sockets with names of all kinds', () => {
    const text = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01  1687 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 168888 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 31680
`;
    expect(parseUnixSockets(text)).toEqual([
      { inode: 1687, path: '/run/a b.sock' },
      { inode: 168888, path: '@abstract' },
      { inode: 31680, path: '' },
    ]);
  });

  it('read groups, and no line that is none', () => {
    expect(parseGroups('root:x:0:\nadm:x:4:a,b\n+\n\nbad:x:y:\n')).toEqual([
      { name: 'root', gid: 0, members: [] },
      { name: 'adm', gid: 4, members: ['a', 'b'] },
    ]);
  });

  it('read routes of both families', () => {
    const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
    const lines =
      'eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t1400\t0\t0\neth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FEFFFF\t0\t0\t0\n';
    expect(parseIpv4Routes(head + lines)).toMatchObject([
      {
        destination: '0.0.0.0',
        netmask: 0,
        gateway: '192.168.2.1',
        flags: 3,
        interface: 'eth0',
        metric: 100,
        mtu: 1400,
      },
      { destination: '192.168.2.0', netmask: 23, gateway: '' },
    ]);
    const zero = '0'.repeat(32);
    const six = `20010db8000000000000000000000000 40 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n`;
    const own = `${zero.slice(1)}1 80 ${zero} 00 ${zero} 00000000 00000002 00000000 80200001       lo\n`;
    expect(parseIpv6Routes(six + own)).toMatchObject([
      { destination: '2001:db8::', netmask: 64, gateway: 'fe80::1', metric: 1024, type: 'gateway', interface: 'eth0' },
      { destination: '::1', netmask: 128, gateway: '', type: 'local', interface: 'lo' },
    ]);
  });

  it('read neighbours, but not those that never answered', () => {
    const text = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0
192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.3        0x1         0x6         02:00:00:00:00:03     *        eth0
`;
    expect(parseArp(text)).toEqual([
      { address: '192.0.2.1', mac: '02:00:00:00:00:01', interface: 'eth0', permanent: '0' },
      { address: '192.0.2.3', mac: '02:00:00:00:00:03', interface: 'eth0', permanent: '1' },
    ]);
  });

  it('read hosts and resolvers without their comments', () => {
    expect(parseHosts('127.0.0.1 localhost # me\n# 192.0.2.1 no\n2001:db8::1\ta b\n192.0.2.9\n')).toMatchObject([
      { address: '127.0.0.1', hostnames: 'localhost' },
      { address: '2001:db8::1', hostnames: 'a b' },
    ]);
    const resolvers = parseResolvers(
      'nameserver 192.0.2.53\nnameserver 2001:db8::53 ; x\nsearch a.example b.example\noptions rotate\n',
    );
    expect(resolvers.map(({ id, type, address }) => `${id} ${type} ${address}`)).toEqual([
      '0 nameserver 192.0.2.53',
      '1 nameserver 2001:db8::53',
      '0 search a.example',
      '1 search b.example',
    ]);
  });

  it('read what /proc says of memory, groups, mounts, devices and the boot', () => {
    expect(
      parseMaps(
        '00400000-0040b000 r-xp 00001000 08:01 12 /a b\n7ffd000-7ffe000 rw-p 00000000 00:00 0    [stack]\n1-2 ---p 00000000 00:00 0 \n',
      ),
    ).toEqual([
      {
        start: '0x00400000',
        end: '0x0040b000',
        permissions: 'r-xp',
        offset: 4096,
        device: '08:01',
        inode: 12,
        path: '/a b',
        pseudo: 0,
      },
      {
        start: '0x7ffd000',
        end: '0x7ffe000',
        permissions: 'rw-p',
        offset: 0,
        device: '00:00',
        inode: 0,
        path: '[stack]',
        pseudo: 1,
      },
      { start: '0x1', end: '0x2', permissions: '---p', offset: 0, device: '00:00', inode: 0, path: '', pseudo: 0 },
    ]);
    expect(parseCgroup('4:cpu:/old\n0::/user.slice/a:b\n')).toBe('/user.slice/a:b');
    expect(parseCgroup('4:cpu,cpuacct:/old\n')).toBe('/old');
    expect(parseCgroup('5:misc:/\n4:cpu:/docker/1\n0::/\n')).toBe('/docker/1');
    expect(parseCgroup('0::/\n')).toBe('/');
    expect(parseCgroup('nonsense')).toBeUndefined();
    expect(parseMounts('/dev/a\\040b /mnt/c\\134d ext4 rw,noatime 0 0\n')).toEqual([
      { device: '/dev/a b', path: '/mnt/c\\d', type: 'ext4', flags: 'rw,noatime' },
    ]);
    const numbers = Array.from({ length: 16 }, (_, at) => at + 1).join('  ');
    expect(parseDeviceCounts(`Inter-| Receive\n face |bytes\n  eth0.5:${numbers}\n`)).toEqual([
      {
        name: 'eth0.5',
        counts: {
          ibytes: 1,
          ipackets: 2,
          ierrors: 3,
          idrops: 4,
          obytes: 9,
          opackets: 10,
          oerrors: 11,
          odrops: 12,
          collisions: 14,
        },
      },
    ]);
    expect(parseKernelCommandLine('BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n')).toEqual({
      arguments: 'ro quiet',
      path: '/vmlinuz',
      device: '/dev/sda1',
    });
  });

  it('read release files with their quotes, and processors with and without topology', () => {
    const release = parseOsRelease(`NAME="A \\"B\\""\nID=debian\nVERSION_ID='12'\n#X=1\n`);
    expect([...release]).toEqual([
      ['NAME', 'A "B"'],
      ['ID', 'debian'],
      ['VERSION_ID', '12'],
    ]);
    const core = (id: number, socket: number, core: number) =>
      `processor\t: ${id}\nmodel name\t: Fast\nmodel\t\t: 7\nphysical id\t: ${socket}\ncore id\t\t: ${core}\nmicrocode\t: 0x1\n\n`;
    expect(parseProcessors(core(0, 0, 0) + core(1, 0, 0) + core(2, 1, 0))).toEqual({
      cpu_subtype: '7',
      cpu_brand: 'Fast',
      cpu_physical_cores: 2,
      cpu_logical_cores: 3,
      cpu_sockets: 2,
      cpu_microcode: '0x1',
    });
    expect(parseProcessors('processor\t: 0\n\nprocessor\t: 1\n\n')).toMatchObject({
      cpu_physical_cores: 2,
      cpu_sockets: 1,
    });
  });

  it('read jobs of cron, authorized keys and kernel settings', () => {
    const cron = '# m h\nSHELL=/bin/sh\n17 *\t* * *   root  cd / && run-parts x\n@reboot /opt/a --b\n@daily\n* * * *\n';
    expect(parseCrontab(cron)).toEqual([
      {
        event: '',
        minute: '17',
        hour: '*',
        day_of_month: '*',
        month: '*',
        day_of_week: '*',
        command: 'root cd / && run-parts x',
      },
      { event: '@reboot', command: '/opt/a --b' },
    ]);
    const keys =
      '# x\nssh-ed25519 AAAA bob@desk 2\ncommand="echo \\"a b\\"",no-pty ssh-rsa BBBB\nnonsense here now\nssh-rsa\n';
    expect(parseAuthorizedKeys(keys)).toEqual([
      { algorithm: 'ssh-ed25519', key: 'AAAA', options: '', comment: 'bob@desk 2' },
      { algorithm: 'ssh-rsa', key: 'BBBB', options: 'command="echo \\"a b\\"",no-pty', comment: '' },
    ]);
    expect(parseSysctl('# a=1\n;b=2\n-net.ipv4.ip_forward = 1\nnet/ipv4/conf/eth0.5/forwarding=0\nno value\n')).toEqual(
      [
        ['net.ipv4.ip_forward', '1'],
        ['net.ipv4.conf.eth0/5.forwarding', '0'],
      ],
    );
  });

  it('write the time in all forms', () => {
    expect(timeRow(new Date(Date.UTC(2026, 0, 4, 3, 2, 1)))).toMatchObject({
      weekday: 'Sunday',
      year: 2026,
      month: 1,
      day: 4,
      hour: 3,
      minutes: 2,
      seconds: 1,
      unix_time: 1_767_495_721,
      timestamp: 'Sun Jan  4 03:02:01 2026 UTC',
      iso_8601: '2026-01-04T03:02:01Z',
      datetime: '2026-01-04T03:02:01Z',
    });
  });
});

describe('the event log', () => {
  const event = (seconds: number) =>
    ({
      kind: 'row',
      host: 'h',
      stream: 's',
      table: 'process_events',
      action: 'event',
      time: seconds * 1e6,
      resolution: 1,
      seq: 0,
      columns: {},
    }) as AnyTableRow;

  it('keeps a number of events and counts those that had to go', () => {
    const log = new EventLog(100);
    const many = limits.sensorEvents * 2;
    for (let at = 0; at < many; at++) log.take([event(1_000)]);
    const kept = [...log.rows('process_events')];
    expect(kept.length).toBeLessThanOrEqual(limits.sensorEvents * 1.125);
    expect(kept.length + log.dropped).toBe(many);
    expect(kept.at(-1)).toEqual({ time: 1_000, uptime: 900, eid: String(many).padStart(10, '0') });
    expect([...log.rows('socket_events')]).toEqual([]);
  });

  it('hands over what another log has not got yet', () => {
    const [first, second] = [new EventLog(), new EventLog()];
    const socket = { ...event(1_001), table: 'socket_events', columns: { action: 'bind' } } as AnyTableRow;
    first.take([event(1_000), socket, event(1_002)]);
    second.add(first.after(0));
    expect([...second.rows('process_events')]).toEqual([...first.rows('process_events')]);
    expect(first.after(1).map(({ ordinal, table }) => `${ordinal} ${table}`)).toEqual([
      '2 socket_events',
      '3 process_events',
    ]);
    expect(first.after(3)).toEqual([]);
  });

  it('takes executed programs and the calls of osquery, and not what only the join wants', () => {
    const log = new EventLog();
    const process = (syscall: string) => ({ ...event(1), columns: { syscall } }) as AnyTableRow;
    const socket = (action: string) =>
      ({ ...event(1), table: 'socket_events', columns: { action, socket: '77' } }) as AnyTableRow;
    log.take([process('execve'), process('fork'), process('exit'), process('execveat'), event(1)]);
    log.take(['connect', 'listen', 'accept', 'close', 'send', 'bind'].map(socket));
    expect([...log.rows('process_events')].map(({ syscall }) => syscall)).toEqual(['execve', 'execveat', undefined]);
    expect([...log.rows('socket_events')].map(({ action, socket }) => [action, socket])).toEqual([
      ['connect', undefined],
      ['accept', undefined],
      ['bind', undefined],
    ]);
  });

  it('forgets what is older than its time', () => {
    const log = new EventLog();
    log.take([event(1_000), event(2_000), event(1_000 + limits.sensorEventSeconds * 1.2)]);
    expect([...log.rows('process_events')].map(({ time }) => time)).toEqual([
      2_000,
      1_000 + limits.sensorEventSeconds * 1.2,
    ]);
    expect(log.dropped).toBe(0);
  });
});
