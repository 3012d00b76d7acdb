import { describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { SECOND } from '../../src/core/time.js';
import { JournalPosition } from '../../src/hosts/registry/journal-position.js';
import { RowAccount } from '../../src/server/row-account.js';

const LATENESS = 600 * SECOND;

function position(received: number): JournalPosition {
  const journal = new JournalPosition('j');
  journal.take(received, 0, LATENESS);
  return journal;
}

describe('an acknowledgement', () => {
  it('is due when half of the window has come since the one before', () => {
    const account = new RowAccount();
    account.take(31, 0, 0);
    expect(account.isDue).toBe(false);
    account.take(1, 0, 0);
    expect(account.isDue).toBe(true);
    expect(account.acknowledge(position(31), 0, LATENESS)).toEqual({ type: 'ack', received: 31 });
    expect(account.isDue).toBe(false);
    expect(account.acknowledged).toBe(32);
    // The window has grown by two rows.
    account.take(32, 32, 0);
    expect(account.isDue).toBe(false);
    account.take(1, 32, 0);
    expect(account.isDue).toBe(true);
  });

  it('tells nothing while nothing was taken of the journal, and from when on it may be forgotten', () => {
    const account = new RowAccount();
    expect(account.acknowledge(undefined, 5, LATENESS)).toBeUndefined();
    expect(account.acknowledge(position(-1), 5, LATENESS)).toBeUndefined();
    expect(account.acknowledge(position(7), LATENESS, LATENESS)).toEqual({ type: 'ack', received: 7, releasable: 7 });
  });

  it('grows old', () => {
    const account = new RowAccount();
    account.acknowledge(position(7), 10 * SECOND, LATENESS);
    expect(account.isOlder(SECOND, 11 * SECOND - 1)).toBe(false);
    expect(account.isOlder(SECOND, 11 * SECOND)).toBe(true);
  });
});

describe('an agent that sends too much', () => {
  it('is told from one that sends what its window allows', () => {
    const account = new RowAccount();
    expect(account.take(limits.agentWindowRows, 0, 0)).toBeUndefined();
    expect(account.take(limits.wireRows, 0, 0)).toBeUndefined();
    expect(account.take(1, 0, 0)).toMatch('not acknowledged');
  });

  it('is told by its rate when it waits for each acknowledgement', () => {
    const account = new RowAccount();
    let problem: string | undefined;
    let taken = 0;
    while (problem === undefined && taken < 10 * limits.agentWindowRows) {
      problem = account.take(1_000, account.acknowledged, SECOND);
      taken += 1_000;
      account.acknowledge(position(taken), SECOND, LATENESS);
    }
    expect(problem).toMatch('a second');
  });
});
