import { type AttributedConnection, type AttributedEnd, defineRule } from 'correlate';

/** Pairs kept while the other half is awaited; the oldest go. */
const kept = 1_000;

const shell = /\/(bash|dash|ksh|mksh|sh|zsh)$/;

/**
 * A shell that itself opened a TCP connection is in somebody else's hands; ssh that runs under it takes that somebody on to the
 * next host. The shell's connection may be told before or after that of ssh, since it often ends later.
 */
export default defineRule(
  {
    id: 'ssh-hop',
    level: 'high',
    title: 'SSH from a shell that is controlled from outside',
    tags: ['attack.lateral-movement', 'attack.t1021.004'],
    references: ['https://attack.mitre.org/techniques/T1021/004/'],
  },
  ({ connections, alert }) => {
    const shells = new Map<string, AttributedConnection>();
    const hops = new Map<string, AttributedConnection[]>();

    const report = (hop: AttributedConnection, control: AttributedConnection) => {
      const { host, user } = hop.orig as AttributedEnd;
      const { uid, 'id.resp_h': from, 'id.resp_p': port } = control.connection;
      const title = `ssh from ${host.id} to ${hop.connection['id.resp_h']} as ${user?.name ?? 'an unknown user'}, under a shell held by ${from} port ${port}`;
      alert({
        title,
        host: host.id,
        side: 'orig',
        connection: hop,
        evidence: [{ uid, 'id.resp_h': from, 'id.resp_p': port }],
      });
    };

    connections.attributed$.subscribe((attributed) => {
      const { connection, orig } = attributed;
      if (orig.state !== 'attributed' || connection.proto !== 'tcp') return;
      const { process, host } = orig;
      const keyOf = (pid: number) => `${host.id} ${host.boot} ${pid}`;
      if (shell.test(process.path ?? '')) {
        const key = keyOf(process.pid);
        keep(shells, key, attributed);
        for (const hop of hops.get(key) ?? []) report(hop, attributed);
      }
      if (process.path?.endsWith('/ssh')) {
        for (const { pid } of process.ancestors ?? []) {
          const control = shells.get(keyOf(pid));
          if (control !== undefined) report(attributed, control);
          else keep(hops, keyOf(pid), [...(hops.get(keyOf(pid)) ?? []), attributed].slice(-kept));
        }
      }
    });
  },
);

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > kept && oldest !== undefined) map.delete(oldest);
}
