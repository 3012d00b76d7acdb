import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const events: HostTable[] = ['socket_events', 'process_events'];
const id = '0123456789abcdef'.repeat(4);
const tcp = { family: 2, protocol: 6 };
const ends = { local_address: '192.0.2.1', local_port: 40000, remote_address: '192.0.2.2', remote_port: 443 };

describe('an owner in a container', () => {
  it('is told with the id of the container', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    const placed = { cgroup_path: `/kubepods.slice/pod1.slice/cri-containerd-${id}.scope` };
    scene.event('a', 'process_events', 9, { pid: 7, path: '/usr/bin/curl', syscall: 'execve', ...placed });
    scene.event('a', 'socket_events', 10 - 1e-4, { ...tcp, ...ends, action: 'connect', pid: 7 });
    scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 10.1, events);
    expect(scene.last().orig).toMatchObject({ process: { pid: 7, name: 'curl' }, container: { id } });
  });

  it('is told apart from one outside of any', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    const placed = { cgroup_path: '/system.slice/cron.service' };
    scene.event('a', 'process_events', 9, { pid: 7, path: '/usr/bin/curl', syscall: 'execve', ...placed });
    scene.event('a', 'socket_events', 10 - 1e-4, { ...tcp, ...ends, action: 'connect', pid: 7 });
    scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 10.1, events);
    expect(scene.last().orig).toMatchObject({ state: 'attributed' });
    expect(scene.last().orig).not.toHaveProperty('container');
  });
});
