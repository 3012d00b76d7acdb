// Faults in what this machine's sensor tells.

export const sensorFaults = [
  {
    name: 'child-without-image',
    file: 'src/sensor/event-rows.ts',
    find: "if (kind === 'fork' && inherited !== undefined)",
    replace: "if (kind === 'exit' && inherited !== undefined)",
    tests: ['test/sensor/event-rows.test.ts'],
    ci: true,
  },
  {
    name: 'record-size-believed',
    file: 'src/sensor/ring-record.ts',
    find: 'if (size < at.headerBytes || start + size > end) {',
    replace: 'if (size < at.headerBytes) {',
    tests: ['test/sensor/ring-record.test.ts'],
  },
  {
    name: 'taken-without-ends',
    file: 'src/sensor/ring-record.ts',
    find: "const hasEnds = kind === 'send' || kind === 'receive';",
    replace: "const hasEnds = kind === 'send';",
    tests: ['test/sensor/ring-record.test.ts'],
  },
  {
    name: 'peerless-look-ends-attempt',
    file: 'src/sensor/netlink/quick-looks.ts',
    find: 'toldKey(socket, watched.told) ?? keyOf(socket)',
    replace: 'keyOf(socket)',
    tests: ['test/sensor/netlink/quick-looks.test.ts'],
  },
  {
    name: 'user-of-the-start-kept',
    file: 'src/sensor/process-watch.ts',
    find: 'known.process = this.withUser(known.process);',
    replace: '',
    tests: ['test/sensor/poll-sensor.test.ts'],
  },
  {
    name: 'root-of-a-process-ignored',
    file: 'src/sensor/process-paths.ts',
    find: '? path.slice(root.length) : path;',
    replace: '? path : path;',
    tests: ['test/sensor/process-paths.test.ts'],
  },
];
