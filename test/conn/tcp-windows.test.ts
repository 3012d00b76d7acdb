import { describe, expect, it } from 'vitest';
import type { Weird } from '../../src/records/weird.js';
import { START, TcpScript, track } from './traffic.js';

const scaled = (shift: number) => [3, 3, shift, 1];

function recisionsOf(script: TcpScript) {
  const weirds: Weird[] = [];
  const { stats } = track(script.frames, { onWeird: (weird) => void weirds.push(weird) });
  const told = weirds.filter(({ name }) => name === 'window_recision');
  return { counted: stats.weirds.window_recision ?? 0, times: told.map(({ ts }) => (ts - START) / 1_000) };
}

describe('a window that is taken back', () => {
  it('is told of the packet that does it, when an acknowledgement moves the edge back', () => {
    const script = new TcpScript()
      .handshake()
      .client('PA', 1, 1, 100)
      .server('A', 1, 101, 0, 4096)
      .client('PA', 101, 1, 100);
    expect(recisionsOf(script.server('A', 1, 201, 0, 3996))).toEqual({ counted: 0, times: [] });
    expect(recisionsOf(script.server('A', 1, 201, 0, 3995))).toEqual({ counted: 1, times: [7] });
  });

  it('is found on packets that take the shortcut and on others alike', () => {
    const plain = new TcpScript().handshake().server('A', 1, 1, 0, 4096).server('A', 1, 1, 0, 1000);
    // The window 0 keeps the last one from the shortcut.
    const other = new TcpScript().handshake().server('A', 1, 1, 0, 4096).server('A', 1, 1, 0, 0);
    expect(recisionsOf(plain)).toEqual({ counted: 1, times: [4] });
    expect(recisionsOf(other)).toEqual({ counted: 1, times: [4] });
  });

  it('is counted in steps of the scale that the SYNs agreed on', () => {
    const script = (answer: readonly number[]) =>
      new TcpScript()
        .client('S', 0, undefined, 0, 4096, scaled(7))
        .server('SA', 0, 1, 0, 4096, answer)
        .client('A', 1, 1, 0, 40)
        .server('PA', 1, 1, 100)
        .client('A', 1, 101, 0, 40)
        .server('PA', 101, 1, 100);
    // With a scale of 7 the edge moves by 100 - 128 bytes, which is rounding, and by 100 - 256, which is not.
    expect(recisionsOf(script(scaled(2)).client('A', 1, 201, 0, 39)).counted).toBe(0);
    expect(recisionsOf(script(scaled(2)).client('A', 1, 201, 0, 38)).counted).toBe(1);
    // Without an answer nobody scales, and it only moves on.
    expect(recisionsOf(script([]).client('A', 1, 201, 0, 38)).counted).toBe(0);
  });

  it('is lawful with a FIN or RST, and after either', () => {
    const closing = new TcpScript()
      .handshake()
      .client('A', 1, 1, 0, 4096)
      .client('FA', 1, 1, 0, 10)
      .client('A', 2, 1, 0, 5);
    const reset = new TcpScript()
      .handshake()
      .client('A', 1, 1, 0, 4096)
      .client('R', 1, undefined, 0, 0)
      .client('A', 1, 1, 0, 5);
    expect(recisionsOf(closing).counted).toBe(0);
    expect(recisionsOf(reset).counted).toBe(0);
  });

  it('is not looked for in a packet from before the last one that offered a window', () => {
    const script = new TcpScript()
      .handshake()
      .client('PA', 1, 1, 100)
      .client('PA', 101, 1, 100)
      .client('A', 1, 1, 0, 10);
    expect(recisionsOf(script).counted).toBe(0);
  });

  it('is not remembered when nobody wants to be told', () => {
    const script = new TcpScript().handshake().server('A', 1, 1, 0, 4096).server('A', 1, 1, 0, 1000);
    expect(track(script.frames).stats.weirds.window_recision).toBeUndefined();
  });
});
