import { afterEach, describe, expect, it, vi } from 'vitest';
import { SharedRoom, sharedPlace } from '../../src/capture/shared-memory.js';

describe('memory that threads share', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is given away once, on cache lines, and then made anew', () => {
    const place = sharedPlace(1000);
    expect(place.memory?.buffer).toBe(place.buffer);
    const room = new SharedRoom(place, 10, 1000);
    const places = [room.take(100), room.take(500), room.take(400), room.take(64)];
    expect(places.map(({ offset }) => offset - place.offset)).toEqual([64, 192, -place.offset, 704]);
    expect(places.map(({ memory }) => memory === place.memory)).toEqual([true, true, false, true]);
    expect(places.map(({ buffer }) => buffer === place.buffer)).toEqual([true, true, false, true]);
    expect([places[2]?.memory, places[2]?.buffer.byteLength]).toEqual([undefined, 400]);
  });

  it('is no memory of WebAssembly where that is refused', () => {
    vi.stubGlobal('WebAssembly', {
      Memory: class {
        constructor() {
          throw new RangeError('could not allocate memory');
        }
      },
    });
    const { buffer, memory, offset } = sharedPlace(1000);
    expect([buffer.byteLength, memory, offset]).toEqual([1000, undefined, 0]);
    const taken = new SharedRoom({ buffer, offset }, 0, 1000).take(1000);
    expect([taken.buffer, taken.memory, taken.offset]).toEqual([buffer, undefined, 0]);
  });
});
