import { describe, expect, it } from 'vitest';
import { type Feeder, IntakeQueue } from '../../src/server/intake-queue.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A feeder with so many frames, which writes its name for each. */
class Fed implements Feeder {
  isQueued = false;
  constructor(
    private readonly name: string,
    private readonly worked: string[],
    public frames: number,
    private readonly effort = (): void => {},
  ) {}
  work(): boolean {
    this.effort();
    this.worked.push(this.name);
    return --this.frames > 0;
  }
}

describe('frames of several connections', () => {
  it('have their turns one by one, however many one of them has', async () => {
    const queue = new IntakeQueue();
    const worked: string[] = [];
    const [many, few] = [new Fed('many', worked, 4), new Fed('few', worked, 2)];
    queue.add(many);
    queue.add(many);
    queue.add(few);
    expect([queue.length, worked]).toEqual([2, []]);
    await turn();
    expect([queue.length, worked.join(' ')]).toEqual([0, 'many few many few many many']);
  });

  it('are taken up again by one that was done', async () => {
    const queue = new IntakeQueue();
    const worked: string[] = [];
    const fed = new Fed('a', worked, 1);
    queue.add(fed);
    await turn();
    fed.frames = 1;
    queue.add(fed);
    await turn();
    expect(worked).toEqual(['a', 'a']);
  });

  it('leave the rest of the program its turns', async () => {
    const queue = new IntakeQueue();
    const worked: string[] = [];
    const busy = (): void => {
      for (const until = performance.now() + 11; performance.now() < until; );
    };
    queue.add(new Fed('slow', worked, 3, busy));
    queue.add(new Fed('other', worked, 1));
    const seen: number[] = [];
    for (let turns = 0; queue.length > 0 && turns < 100; turns++) {
      await turn();
      seen.push(worked.length);
    }
    expect(seen.slice(0, 2)).toEqual([1, 3]);
    expect(worked).toEqual(['slow', 'other', 'slow', 'slow']);
  });
});
