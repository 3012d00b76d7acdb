// Shows the main job on the recorded samples: which process and user own each end of every connection, and what rules make of it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const scenes = [
  ['desktop', 'An ordinary desktop and the servers it uses: nothing bad happens here.'],
  ['intrusion', 'A download, its execution, a reverse shell, and a hop to a second host.'],
];

for (const [name, story] of scenes) {
  const args = ['-r', `samples/${name}/traffic.pcap`, '--host-log', `samples/${name}/host.log`, '--rules', 'rules/'];
  console.error(`\n${story}\n$ correlate ${args.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, ['bin/correlate.js', ...args, '--table', 'always', '--quiet'], {
    cwd: root,
    // Alerts are shown on stderr with the rest; into a pipe they would go as JSON lines too.
    stdio: ['inherit', process.stdout.isTTY ? 'inherit' : 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}
console.error(`
The stories are told in samples/*/README.md. On your own traffic:
$ npx correlate -r trace.pcap --host-log osqueryd.results.log --rules rules/ --connections connections.jsonl
$ sudo npx correlate -i eth0 --rules rules/`);
