import { describe, expect, it } from 'vitest';
import { TcpScript, track } from './traffic.js';

const only = (script: TcpScript) => {
  const { updates } = track(script.frames);
  expect(updates).toHaveLength(1);
  return updates[0]!.connection;
};

describe('data of an end', () => {
  it('is forgotten by the acknowledgement of a RST, so that a close which waited for that happens with it', () => {
    const script = new TcpScript([40_000, 40_001])
      .handshake()
      .client('FPA', 1, 1, 50)
      .server('FA', 1, 1)
      .server('RA', 2, 52)
      .wait(100_000)
      .client('RA', 52, 2);
    expect(only(script)).toMatchObject({ history: 'ShAFfrR', conn_state: 'SF', duration: 5_000 });
  });

  it('is looked through again for gaps when a FIN comes behind the one that was believed', () => {
    const script = new TcpScript([40_000, 40_001])
      .handshake()
      .server('PA', 1, 1, 100)
      .server('FA', 101, 1)
      .client('A', 1, 500)
      .server('FA', 600, 1)
      .client('A', 1, 500);
    expect(only(script)).toMatchObject({ history: 'ShAdffg', missed_bytes: 399 });
  });

  it('is kept where it lies behind a FIN, so that the other end stays open', () => {
    const script = new TcpScript([40_000, 40_001])
      .handshake()
      .client('FA', 1, 1)
      .client('PA', 1, 1, 50)
      .server('PA', 1, 51, 50)
      .server('FA', 51, 51)
      .wait(100_000)
      .server('A', 52, 51);
    expect(only(script)).toMatchObject({ history: 'ShAFDdfa', conn_state: 'SF', duration: 107_000 });
  });

  it('is known by what was acknowledged before a SYN began the numbers anew', () => {
    const script = new TcpScript([40_000, 40_001])
      .handshake()
      .client('PA', 1, 1, 50)
      .server('A', 1, 51)
      .wait(6_000_000)
      .client('S', 0)
      .server('FA', 1, 1)
      .client('FA', 51, 2)
      .wait(100_000)
      .server('A', 2, 1);
    expect(only(script)).toMatchObject({ history: 'ShADafF', conn_state: 'SF', duration: 6_007_000 });
  });
});
