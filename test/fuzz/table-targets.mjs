// Fuzz targets of this machine's tables: SQL that anybody may send, and files that any user of the host may have a part in.
const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);

const queries = [
  "SELECT u.username, p.name, l.port FROM listening_ports l, users u, processes p WHERE l.pid = p.pid AND p.uid = u.uid AND l.address NOT IN ('127.0.0.1', '::1')",
  "SELECT f.path, h.sha256 FROM file f JOIN hash h USING (path) WHERE f.directory LIKE '/etc/%' OR f.path IN ('/etc/passwd', '/bin/sh') LIMIT 20",
  'SELECT pid, count(*) AS n FROM process_open_sockets GROUP BY pid HAVING n > 1 ORDER BY n DESC',
  'WITH RECURSIVE up(pid, parent) AS (SELECT pid, parent FROM processes WHERE pid = 2 UNION SELECT p.pid, p.parent FROM processes p, up WHERE p.pid = up.parent) SELECT * FROM up',
  "SELECT split('a,b', ',', 1), regex_match('abc', '(b)(c)', 2), in_cidr_block('192.0.2.0/24', address), community_id_v1('192.0.2.1', '192.0.2.2', 1, 2, 6) FROM interface_addresses",
  "SELECT DISTINCT interface, (flags & 8) > 0 AS loopback FROM interface_details WHERE mac LIKE '0%' COLLATE NOCASE",
  'SELECT * FROM process_events JOIN socket_events USING (pid) WHERE process_events.time > 5 -- last',
];

async function hostSql() {
  const { LocalTables } = await load('sensor/sql/local-tables');
  const local = await LocalTables.open({ patterns: [], useDefaults: true });
  return {
    name: 'SQL of a host',
    seeds: queries.map((sql) => Buffer.from(sql)),
    run(bytes) {
      local.query(bytes.toString(), { rows: 1000, timeoutMs: 200 });
    },
  };
}

const files = [
  '0000000000000000: 00000002 00000000 00010000 0001 01  1687 /run/a b.sock\n',
  'root:x:0:0:root:/root:/bin/bash\nadm:x:4:a,b\n',
  'eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n',
  '20010db8000000000000000000000000 40 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n',
  '192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0\n',
  '127.0.0.1 localhost # me\nnameserver 192.0.2.53\nsearch a.example\n',
  '00400000-0040b000 r-xp 00001000 08:01 12 /a b\n4:cpu:/old\n0::/user.slice\n/dev/a\\040b /mnt ext4 rw 0 0\n',
  '17 * * * * root run-parts\n@reboot a\ncommand="echo \\"a\\"" ssh-rsa BBBB me\nnet/ipv4/ip_forward=1\n',
  '  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nBOOT_IMAGE=/vmlinuz root=/dev/sda1 ro\nNAME="x"\nprocessor : 0\n',
];

async function tableFiles() {
  const parsers = [
    ['arp-cache', 'parseArp'],
    ['authorized-keys', 'parseAuthorizedKeys'],
    ['crontab', 'parseCrontab'],
    ['dns-resolvers', 'parseResolvers'],
    ['etc-hosts', 'parseHosts'],
    ['group-file', 'parseGroups'],
    ['interface-details', 'parseDeviceCounts'],
    ['kernel-info', 'parseKernelCommandLine'],
    ['mounts', 'parseMounts'],
    ['open-sockets', 'parseUnixSockets'],
    ['os-version', 'parseOsRelease'],
    ['process-memory-map', 'parseMaps'],
    ['../process-table', 'parseCgroup'],
    ['routes', 'parseIpv4Routes'],
    ['routes', 'parseIpv6Routes'],
    ['system-controls', 'parseSysctl'],
    ['system-info', 'parseProcessors'],
  ];
  const parse = await Promise.all(parsers.map(async ([file, name]) => (await load(`sensor/tables/${file}`))[name]));
  const { parseLoginRecords } = await load('sensor/tables/login-records');
  const login = Buffer.alloc(768, 'x');
  return {
    name: 'files behind tables',
    seeds: [...files.map((file) => Buffer.from(file)), login],
    run(bytes) {
      const text = bytes.toString();
      for (const each of parse) each(text);
      parseLoginRecords(bytes);
    },
  };
}

export const tableTargets = [hostSql, tableFiles];
