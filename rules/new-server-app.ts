import { defineRule } from 'correlate';

/** Tells which user runs which server application on which port, as soon as it starts to listen. */
export default defineRule(
  { id: 'new-server-app', level: 'low', title: 'New server application' },
  ({ hosts, alert }) => {
    hosts
      .subscribe<{ username: string; name: string; port: number }>(`
      SELECT DISTINCT u.username, p.name, l.port FROM listening_ports l, users u, processes p
      WHERE l.pid = p.pid AND p.uid = u.uid AND l.address NOT IN ('127.0.0.1', '::1')`)
      .added$.subscribe(({ host, row }) =>
        alert({ host, title: `${row.username} is running ${row.name} on port ${row.port}`, evidence: [row] }),
      );
  },
);
