import { describe, expect, it } from 'vitest';
import { BatchPool } from '../../src/capture/batch-pool.js';
import type { PacketBatch } from '../../src/capture/packet-batch.js';
import { limits } from '../../src/core/limits.js';

describe('the batches of a source', () => {
  it('are used again after release', async () => {
    const pool = new BatchPool({ dataBytes: 16 });
    const first = await pool.acquire();
    first.count = 3;
    pool.release(first);
    const again = await pool.acquire();
    expect(again).toBe(first);
    expect(again.count).toBe(0);
  });

  it('are bounded: whoever wants one more waits for a release', async () => {
    const pool = new BatchPool({ dataBytes: 16 });
    const batches: PacketBatch[] = [];
    for (let i = 0; i < limits.batchesPerSource; i++) batches.push(await pool.acquire());
    expect(new Set(batches).size).toBe(limits.batchesPerSource);
    const waiting = pool.acquire();
    expect(waiting).toBeInstanceOf(Promise);
    pool.release(batches[5]!);
    expect(await waiting).toBe(batches[5]);
  });

  it('cannot be released twice', async () => {
    const pool = new BatchPool({ dataBytes: 16 });
    const batch = await pool.acquire();
    pool.release(batch);
    expect(() => pool.release(batch)).toThrow('not borrowed');
  });
});
