import Table from 'cli-table3';
import type { Command } from 'commander';
import { apiPaths, type HostSummary } from '../server/api-messages.js';
import { EngineClient } from './engine-client.js';
import { print } from './print.js';

interface Flags {
  readonly engine?: string;
  readonly json?: true;
  readonly forget?: string;
}

/** `correlate hosts`: the hosts of a running engine. */
export function addHostsCommand(program: Command): void {
  program
    .command('hosts')
    .description('list the hosts whose agents speak to a running engine')
    .option('--engine <SOCKET>', 'UNIX socket of the engine')
    .option('--json', 'as JSON lines, also on a terminal')
    .option('--forget <ID>', 'let another agent enrol under this host id')
    .action(async (flags: Flags) => {
      const client = new EngineClient(flags.engine);
      if (flags.forget !== undefined) {
        await client.json('DELETE', `${apiPaths.hosts}/${encodeURIComponent(flags.forget)}`);
        return;
      }
      const { hosts } = (await client.json('GET', apiPaths.hosts)) as { hosts: HostSummary[] };
      hosts.sort((a, b) => (a.id < b.id ? -1 : 1));
      const asJson = flags.json === true || process.stdout.isTTY !== true;
      print(asJson ? hosts.map((host) => `${JSON.stringify(host)}\n`).join('') : `${hostTable(hosts)}\n`);
    });
}

/** The hosts as a table for a person. */
export function hostTable(hosts: readonly HostSummary[], now = Date.now() / 1000): string {
  const table = new Table({
    head: ['host', 'state', 'heard', 'clock', 'groups', 'addresses', 'rows'],
    style: { head: [], border: [] },
  });
  for (const host of hosts) {
    const { presence, reason, clock } = host;
    table.push([
      plain(host.id),
      plain(reason === undefined ? presence : `${presence}: ${reason}`),
      `${Math.max(0, now - host.heard).toFixed(0)} s ago`,
      clock === undefined ? '' : `${clock.offset.toFixed(3)} ± ${clock.err.toFixed(3)} s`,
      plain(host.groups.join('\n')),
      plain(host.addresses.filter((each) => !each.startsWith('127.') && each !== '::1').join('\n')),
      String(host.rows),
    ]);
  }
  return table.toString();
}

/** Text of a host is not to be trusted with a terminal: control characters are replaced, line ends apart. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '�');
}
