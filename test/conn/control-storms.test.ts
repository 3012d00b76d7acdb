import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import type { Weird } from '../../src/records/weird.js';
import { START, TcpScript, track } from './traffic.js';

function repeat(script: TcpScript, count: number, send: (script: TcpScript) => void): TcpScript {
  for (let i = 0; i < count; i++) send(script);
  return script;
}

const fin = (script: TcpScript) => script.client('FA', 1, 1);
const reset = (script: TcpScript) => script.server('R', 1);
const weirdsOf = (script: TcpScript) => track(script.frames).stats.weirds;

describe('a storm of FINs or RSTs', () => {
  it('is told from the thousandth FIN of an end on', () => {
    const script = repeat(new TcpScript().handshake(), 999, fin);
    expect(weirdsOf(script).FIN_storm).toBeUndefined();
    expect(weirdsOf(repeat(script, 3, fin)).FIN_storm).toBe(3);
  });

  it('is told from the thousandth RST of an end on, whatever the other end sends', () => {
    const script = repeat(new TcpScript().handshake(), 999, (s) => reset(s.client('A', 1, 1)));
    expect(weirdsOf(script).RST_storm).toBeUndefined();
    expect(weirdsOf(reset(script))).toMatchObject({ RST_storm: 1 });
    expect(weirdsOf(script).FIN_storm).toBeUndefined();
  });

  it('counts those that come within a second of what the end sent before', () => {
    const script = repeat(new TcpScript().handshake(), 1_000, fin).wait(SECOND);
    expect(weirdsOf(fin(script)).FIN_storm).toBe(1);
    expect(weirdsOf(fin(script.wait(SECOND - 1_001))).FIN_storm).toBe(2);
    // Any packet of the end counts as what it sent before.
    expect(weirdsOf(fin(script.wait(SECOND).client('A', 2, 1))).FIN_storm).toBe(3);
  });

  it('is each end by itself', () => {
    const script = repeat(new TcpScript().handshake(), 600, (s) => fin(s).server('FA', 1, 2));
    expect(weirdsOf(script).FIN_storm).toBeUndefined();
  });

  it('begins anew with the next connection of the same ends', () => {
    const script = repeat(new TcpScript().handshake(), 600, fin)
      .wait(3_600 * SECOND)
      .handshake();
    expect(weirdsOf(repeat(script, 600, fin)).FIN_storm).toBeUndefined();
  });

  it('is reported once for an originator', () => {
    const weirds: Weird[] = [];
    const script = repeat(new TcpScript().handshake(), 1_010, fin);
    track(script.frames, { onWeird: (weird) => void weirds.push(weird) });
    const storms = weirds.filter(({ name }) => name === 'FIN_storm');
    expect(storms.map(({ ts, source }) => [ts, source])).toEqual([[START + 1_002_000, 'TCP']]);
  });
});
