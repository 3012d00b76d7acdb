import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';

const web = '192.0.2.1 40000 > 192.0.2.2 443';
const other = '192.0.2.1 40001 > 192.0.2.2 443';

/** Which connections ended, by uid and originator's port, and how many there were. */
function ended({ lines, join }: Scene): readonly [string[], number] {
  const ends = lines.filter(({ cause }) => cause === 'end');
  return [ends.map(({ connection }) => `${connection.uid} ${connection['id.orig_p']}`).sort(), join.stats.connections];
}

describe('connections that go on are found again', () => {
  it('where the last characters of their uids are the same', () => {
    const scene = new Scene().start('A12345678', 1, web).start('B12345678', 1, other);
    scene.end('A12345678', 1, 1, web).end('B12345678', 1, 1, other).join.end();
    expect(ended(scene)).toEqual([['A12345678 40000', 'B12345678 40001'], 2]);
  });

  it('by their endpoints where they have one uid', () => {
    const scene = new Scene().start('C1', 1, web).start('C1', 1, other).start('C1', 1, `${other} udp`);
    scene.end('C1', 1, 1, web).end('C1', 1, 1, other).join.end();
    expect(ended(scene)).toEqual([['C1 40000', 'C1 40001'], 3]);
  });

  it('not in place of one that was let go', () => {
    const scene = new Scene().start('C1', 1, web).end('C1', 1, 1, web).advance(100).start('C2', 101, other);
    scene.end('C1', 1, 1, web).end('C2', 101, 1, other).join.end();
    expect(ended(scene)).toEqual([['C1 40000', 'C1 40000', 'C2 40001'], 3]);
  });
});
