import { describe, expect, it } from 'vitest';
import { parseIpv4Addresses, parseIpv6Addresses } from '../../src/sensor/interface-table.js';
import { parseBootTime, parseCmdline, parseIds, parseStat } from '../../src/sensor/process-table.js';
import { parseSocketTable, socketFiles } from '../../src/sensor/socket-table.js';
import { parsePasswd } from '../../src/sensor/user-table.js';

const file = (name: string) => socketFiles.find((each) => each.name === name)!;
const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
/** A line of /proc/net as a little-endian kernel writes it. */
const line = (local: string, remote: string, state: string, inode: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 00000000e685bdfa 100 0 0 10 0\n`;
const zero6 = '0'.repeat(32);

describe('a socket table', () => {
  it.each([
    {
      what: 'a TCP listener',
      name: 'tcp',
      text: line('0100007F:1F90', '00000000:0000', '0A', 42),
      expected: ['127.0.0.1', 8080, '0.0.0.0', 0, 'LISTEN', 2, 6],
    },
    {
      what: 'an established IPv6 connection',
      name: 'tcp6',
      text: line('B80D0120000000000000000001000000:01BB', 'B80D0120000000000000000002000000:C350', '01', 42),
      expected: ['2001:db8::1', 443, '2001:db8::2', 50000, 'ESTABLISHED', 10, 6],
    },
    {
      what: 'an IPv4 peer of a dual-stack socket',
      name: 'tcp6',
      text: line('0000000000000000FFFF00000A0200C0:0050', '0000000000000000FFFF00000B0200C0:C350', '08', 42),
      expected: ['::ffff:c000:20a', 80, '::ffff:c000:20b', 50000, 'CLOSE_WAIT', 10, 6],
    },
    {
      what: 'an unconnected UDP socket, which has no state',
      name: 'udp',
      text: line('00000000:0035', '00000000:0000', '07', 42),
      expected: ['0.0.0.0', 53, '0.0.0.0', 0, undefined, 2, 17],
    },
    {
      what: 'a raw ICMPv6 socket',
      name: 'raw6',
      text: line(`${zero6}:003A`, `${zero6}:0000`, '07', 42),
      expected: ['::', 58, '::', 0, undefined, 10, 255],
    },
    {
      what: 'a ping socket',
      name: 'icmp',
      text: line('00000000:0017', '00000000:0000', '07', 42),
      expected: ['0.0.0.0', 23, '0.0.0.0', 0, undefined, 2, 1],
    },
  ])('shows $what', ({ name, text, expected }) => {
    const { sockets } = parseSocketTable(header + text, file(name), 10);
    expect(
      sockets.map((socket) => [
        socket.local_address,
        socket.local_port,
        socket.remote_address,
        socket.remote_port,
        socket.state,
        socket.family,
        socket.protocol,
      ]),
    ).toEqual([expected]);
    expect(sockets[0]?.inode).toBe(42);
  });

  it('leaves out sockets that no process can hold, and tells of connections not yet accepted', () => {
    const timeWait = line('0100007F:1F90', '0100007F:C350', '06', 0);
    expect(parseSocketTable(header + timeWait, file('tcp'), 10)).toMatchObject({ sockets: [], hasUnaccepted: false });
    const waiting = line('0100007F:1F90', '0100007F:C350', '01', 0);
    expect(parseSocketTable(header + waiting, file('tcp'), 10)).toMatchObject({ sockets: [], hasUnaccepted: true });
  });

  it('takes over the sockets whose lines say the same as before', () => {
    const [a, b] = [line('0100007F:1F90', '00000000:0000', '0A', 42), line('0100007F:1F91', '00000000:0000', '0A', 43)];
    const before = parseSocketTable(header + a + b, file('tcp'), 10);
    const changed = line('0100007F:1F91', '00000000:0000', '0A', 44);
    const after = parseSocketTable(header + changed + a, file('tcp'), 10, before);
    expect(after.sockets.map(({ inode }) => inode)).toEqual([44, 42]);
    expect(after.sockets[1]).toBe(before.sockets[0]);
  });

  it('skips lines that do not fit and stops at the limit', () => {
    const good = line('0100007F:1F90', '00000000:0000', '0A', 42);
    const text = `${header}garbage\n\n${line('0100007F', '00000000:0000', '0A', 1)}${line('ZZ00007F:1F90', '00000000:0000', '0A', 1)}${good}${good}${good}`;
    expect(parseSocketTable(text, file('tcp'), 10).sockets).toHaveLength(3);
    expect(parseSocketTable(text, file('tcp'), 2).sockets).toHaveLength(2);
    expect(parseSocketTable('', file('tcp'), 2).sockets).toEqual([]);
    expect(parseSocketTable(header + good.trimEnd(), file('tcp'), 2).sockets).toHaveLength(1);
  });
});

describe('a process', () => {
  const rest =
    '22124 22125 2666 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 141415 3133440 358 18446744073709551615 11 12 13 0 0';

  it.each([
    ['cat', `22333 (cat) R ${rest}`],
    ['a) (b c', `22333 (a) (b c) R ${rest}\n`],
  ])('called %s is read from its stat', (name, text) => {
    expect(parseStat(text)).toEqual({
      name,
      state: 'R',
      parent: 22124,
      pgroup: 22125,
      startTicks: 141415,
      image: '11 13',
    });
  });

  it('whose stat is cut or odd is none', () => {
    for (const text of ['', '1', '1 (x', ') (', '1 (x) R 2 3']) expect(parseStat(text)).toBeUndefined();
  });

  it('has its real, effective and saved ids', () => {
    expect(parseIds('Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n')).toEqual({
      uid: 1,
      euid: 2,
      suid: 3,
      gid: 5,
      egid: 6,
      sgid: 7,
    });
    expect(parseIds('Name:\tx\n')).toBeUndefined();
  });

  it('has its arguments joined by blanks', () => {
    expect(parseCmdline('node\0-e\0a b\0')).toBe('node -e a b');
    expect(parseCmdline('')).toBe('');
  });

  it('starts at the boot time plus its ticks', () => {
    expect(parseBootTime('cpu 1 2\nbtime 1700000000\nprocesses 5\n')).toBe(1_700_000_000);
    expect(parseBootTime('')).toBeUndefined();
  });
});

describe('the addresses of a namespace', () => {
  const fibTrie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 10.0.0.5
        /32 host LOCAL
     |-- 10.0.0.255
        /32 link BROADCAST
     |-- 198.51.100.7
        /32 host LOCAL
Local:
     |-- 10.0.0.5
        /32 host LOCAL
`;
  const route = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
wide\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;

  it('are the local ones of its routing table, with the narrowest network that holds them', () => {
    expect(parseIpv4Addresses(fibTrie, route)).toEqual([
      { interface: 'lo', address: '127.0.0.1', mask: '255.0.0.0' },
      { interface: 'eth0', address: '10.0.0.5', mask: '255.255.255.0' },
      { address: '198.51.100.7' },
    ]);
    expect(parseIpv4Addresses('', '')).toEqual([]);
  });

  it('are those of if_inet6', () => {
    const text = `fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
broken
20010db8000000000000000000000001 02 30 00 80 veth-a
`;
    expect(parseIpv6Addresses(text)).toEqual([
      { interface: 'eth0', address: 'fe80::fc:ff:fe00:1', mask: 'ffff:ffff:ffff:ffff::' },
      { interface: 'lo', address: '::1', mask: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
      { interface: 'veth-a', address: '2001:db8::1', mask: 'ffff:ffff:ffff::' },
    ]);
  });
});

describe('the users', () => {
  it('are those of passwd, without what is empty', () => {
    const text = 'root:x:0:0:root:/root:/bin/bash\n#x\n\nbad:x:abc:0:::\nnobody:x:4294967294:65534::/nonexistent:\n';
    expect(parsePasswd(text)).toEqual([
      {
        uid: 0,
        gid: 0,
        uid_signed: 0,
        gid_signed: 0,
        username: 'root',
        description: 'root',
        directory: '/root',
        shell: '/bin/bash',
      },
      {
        uid: 4294967294,
        gid: 65534,
        uid_signed: -2,
        gid_signed: 65534,
        username: 'nobody',
        directory: '/nonexistent',
      },
    ]);
  });
});
