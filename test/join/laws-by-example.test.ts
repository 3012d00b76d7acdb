import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { reference } from '../../src/join/reference.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import { referenceInWords } from './world/agreement.js';
import { stories } from './world/stories.js';
import { at, connection, ends, linesInWords, Teller } from './world/story.js';

interface Outcome {
  readonly lines: AttributedConnection[];
  readonly last: Map<string, AttributedConnection>;
}

/** Feeds steps to a join: rows, connections, or a capture time in milliseconds. */
function run(steps: readonly (HostRow | ConnectionUpdate | number)[], finalOnly = false): Outcome {
  const lines: AttributedConnection[] = [];
  const emit = (line: AttributedConnection): void => void lines.push(line);
  const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly, emit });
  for (const step of steps) {
    if (typeof step === 'number') join.advance(at(step));
    else if ('kind' in step) join.row(step);
    else join.connection(step);
  }
  join.end();
  return { lines, last: new Map(lines.map((line) => [line.connection.uid, line])) };
}

const words = (lines: ReadonlyMap<string, Pick<AttributedConnection, 'orig' | 'resp'>>): Record<string, unknown> =>
  Object.fromEntries([...lines].map(([uid, line]) => [uid, linesInWords(line)]));

describe.each(stories)('$name', (story) => {
  it('is told by the join, rows first', () => {
    expect(words(run([...story.rows, ...story.updates], true).last)).toEqual(story.expected);
  });

  it('is told by the join, connections first', () => {
    expect(words(run([...story.updates, ...story.rows]).last)).toEqual(story.expected);
  });

  it('is told by the reference', () => {
    const told = [...reference(story.updates, story.rows)].map(([uid, { orig, resp }]) => [
      uid,
      { orig: referenceInWords(orig), resp: referenceInWords(resp) },
    ]);
    expect(Object.fromEntries(told)).toEqual(story.expected);
  });
});

const tuple = '10.0.0.1:40000>10.0.0.2:443';
const host = (): Teller => new Teller('web', { address: '10.0.0.1' });

function onlyEnd(teller: Teller, ms = 0): AttributedConnection['orig'] {
  const { last } = run([...teller.complete(90_000).rows, connection(ms, 10, tuple)]);
  return last.get('C1')!.orig;
}

describe('the join', () => {
  it('names the process that had the pid at the call, not the one that has it later', () => {
    const end = onlyEnd(
      host()
        .fork(-900, 100, 1)
        .exec(-899, 100, '/usr/bin/old')
        .exit(-500, 100)
        .fork(-300, 100, 1)
        .exec(-299, 100, '/usr/bin/curl')
        .socket(-0.1, 'connect', 100, ends(tuple))
        .exit(12, 100)
        .fork(20, 100, 1)
        .exec(21, 100, '/usr/bin/new'),
    );
    expect(end).toMatchObject({ process: { pid: 100, path: '/usr/bin/curl' } });
  });

  it('names the image of the moment of the call', () => {
    const end = onlyEnd(
      host()
        .fork(-900, 100, 1)
        .exec(-800, 100, '/usr/bin/before')
        .exec(-100, 100, '/usr/bin/during')
        .socket(-0.1, 'connect', 100, ends(tuple))
        .exec(5, 100, '/usr/bin/after'),
    );
    expect(end).toMatchObject({ process: { path: '/usr/bin/during' } });
  });

  it('freezes the ancestors as of the start of the connection', () => {
    const end = onlyEnd(
      host()
        .fork(-2_000, 50, 1)
        .exec(-1_990, 50, '/bin/bash')
        .fork(-900, 100, 50, '/bin/bash')
        .exec(-899, 100, '/usr/bin/curl', 50)
        .socket(-0.1, 'connect', 100, ends(tuple))
        .exec(5, 50, '/usr/bin/other'),
    );
    expect(end).toMatchObject({ process: { ancestors: [{ pid: 50, path: '/bin/bash' }] } });
  });

  it('tells the parent that a child had, not who had its pid next in the second of the call', () => {
    const start_time = at(0) / 1_000_000 - 3;
    const dns = { path: '/usr/bin/dnsmasq', cmdline: '/usr/bin/dnsmasq' };
    const parent = { pid: 50, ...dns, start_time: start_time - 2 };
    const told = (atPoll: number, action: 'added' | 'removed'): AttributedConnection['orig'] =>
      onlyEnd(
        new Teller('web', { address: '10.0.0.1', resolution: 1_000_000 })
          .exec(-4_500, 50, dns.path, 40)
          .row(
            'processes',
            action,
            action === 'added' ? atPoll : 9_000,
            parent,
            action === 'added' ? undefined : atPoll,
          )
          .row('processes', 'added', atPoll, { pid: 100, parent: 50, ...dns, start_time }, atPoll - 2_000)
          .socket(200, 'connect', 100, { ...ends(tuple), path: dns.path })
          .exec(700, 50, '/usr/bin/wget', 30),
        600,
      );
    const ancestors = [{ pid: 50, path: dns.path }, { pid: 40 }];
    const owner = { process: { pid: 100, ancestors } };
    for (const atPoll of [300, -1_500]) {
      expect(told(atPoll, 'added')).toMatchObject(owner);
      expect(told(atPoll, 'removed')).toMatchObject(owner);
    }
  });

  it('tells an ancestor only when it had not started after its child', () => {
    const polled = (startOfParent: number): AttributedConnection['orig'] => {
      const start = (after: number): number => at(0) / 1_000_000 + after;
      const held = {
        ...{ pid: 100, fd: 3, socket: 7, family: 2, protocol: 6 },
        ...{ local_address: '10.0.0.1', local_port: 40_000, remote_address: '10.0.0.2', remote_port: 443 },
      };
      const shell = { pid: 50, parent: 1, path: '/bin/bash', cmdline: 'bash', uid: 1000 };
      const tool = { pid: 100, parent: 50, path: '/usr/bin/curl', cmdline: 'curl', uid: 1000 };
      return onlyEnd(
        new Teller('web', { address: '10.0.0.1', resolution: 1_000_000 })
          .row('processes', 'added', -9_000, { ...shell, start_time: start(startOfParent) }, -19_000)
          .row('processes', 'added', -9_000, { ...tool, start_time: start(-15) }, -19_000)
          .row('process_open_sockets', 'added', 1_000, held, -9_000),
        500,
      );
    };
    // In one second both may have begun: the poll that names the parent saw it alive, so it is no later holder of the pid.
    for (const start of [-16, -15]) {
      expect(polled(start)).toMatchObject({
        process: { pid: 100, ancestors: [{ pid: 50, path: '/bin/bash' }, { pid: 1 }] },
      });
    }
    expect(polled(-14)).toMatchObject({ process: { pid: 100, ancestors: [{ pid: 50 }] } });
    expect(JSON.stringify(polled(-14))).not.toContain('bash');
  });

  it('tells no ancestor that a poll shows to have started in the second in which an event tells of its child', () => {
    const forked = (startOfParent: number): string => {
      const shell = { pid: 50, parent: 1, path: '/bin/bash', cmdline: 'bash', uid: 1000 };
      const start_time = at(0) / 1_000_000 + startOfParent;
      const end = onlyEnd(
        host()
          .row('processes', 'added', -100, { ...shell, start_time }, -10_000)
          .fork(-900, 100, 50)
          .exec(-899, 100, '/usr/bin/curl', 50)
          .socket(-0.1, 'connect', 100, ends(tuple)),
      );
      return end.state === 'attributed' ? JSON.stringify(end.process) : end.state;
    };
    expect(forked(-2)).toContain('/bin/bash');
    // The pid may have passed to it from the parent.
    expect(forked(-1)).toContain('/usr/bin/curl');
    expect(forked(-1)).not.toContain('/bin/bash');
  });

  it('takes user names from the same host', () => {
    const mine = host()
      .row('users', 'added', -60_000, { uid: 1000, username: 'alice' })
      .fork(-900, 100, 1)
      .exec(-899, 100, '/usr/bin/curl')
      .socket(-0.1, 'connect', 100, ends(tuple))
      .complete(90_000);
    const other = new Teller('db', { address: '10.0.0.2' })
      .row('users', 'added', -60_000, { uid: 1000, username: 'mallory' })
      .complete(90_000);
    for (const rows of [
      [...mine.rows, ...other.rows],
      [...other.rows, ...mine.rows],
    ]) {
      const { last } = run([...rows, connection(0, 10, tuple)]);
      expect(last.get('C1')!.orig).toMatchObject({ user: { uid: 1000, name: 'alice' } });
    }
  });

  it('leaves an end pending until every stream that could answer is complete', () => {
    const early = host().complete(-5_000);
    const late = host().complete(60_000);
    const update = connection(0, 10, tuple, { cause: 'start' });
    const { lines } = run([...early.rows, update, 3_000, ...late.rows, 4_000, connection(0, 10, tuple)]);
    expect(lines[0]!.orig.state).toBe('pending');
    expect(lines.at(-1)!.orig).toEqual({ state: 'unattributed', reason: 'no_socket_seen', host: { id: 'web' } });
    expect(lines.map((line) => line.rev)).toEqual(lines.map((_, i) => i));
  });

  it('does not release weak evidence that a later row could outrank', () => {
    const first = host().socket(-0.1, 'connect', 101, ends('>10.0.0.2:443')).complete(-5_000);
    const then = new Teller('web', { address: '10.0.0.1' }).socket(-0.05, 'connect', 100, ends(tuple)).complete(60_000);
    const { lines } = run([...first.rows, connection(0, 10, tuple, { cause: 'start' }), 3_000, ...then.rows, 4_000]);
    expect(lines.filter((line) => line.orig.state === 'attributed').map((line) => linesInWords(line).orig)).toEqual(
      lines.filter((line) => line.orig.state === 'attributed').map(() => 'socket_event web:100'),
    );
    expect(linesInWords(lines.at(-1)!).orig).toBe('socket_event web:100');
  });

  it('does not wait for ever for a moment that has passed', () => {
    const server = new Teller('db', { address: '10.0.0.2' })
      .socket(4.999, 'accept', 200, ends('10.0.0.2:443>10.0.0.1:40000'))
      .complete(60_000);
    const open = { cause: 'start', history: 'Sh' } as const;
    const { last } = run([
      connection(0, 1, tuple, { uid: 'C1', ...open }),
      connection(5, 1, tuple, { uid: 'C2', ...open }),
      ...server.rows,
      20_000,
    ]);
    expect([...last.keys()]).toEqual(['C1', 'C2']);
  });

  it('lets out every connection at the end, also one that only began', () => {
    const { last } = run([connection(0, 10, tuple, { cause: 'start' }), connection(5, 1, tuple, { uid: 'C2' })]);
    expect([...last.keys()].sort()).toEqual(['C1', 'C2']);
  });
});
