import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDnsPort } from '../../src/conn/timeouts.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { Decoder } from '../../src/decode/decoder.js';
import { META_PLAIN_UDP, Packet } from '../../src/decode/packet.js';
import { LOOKED_INTO } from '../../src/decode/plain-udp.js';
import { udpTunnel, udpTunnels } from '../../src/decode/tunnel/registry.js';
import { concat, ip, udpDatagram } from '../conn/traffic.js';
import { tunnelPayload } from './tcp-frames.js';

const RAW_IP = 101;
const NTP = 123;
const UDP_HEADER = 8;

function decode(bytes: Uint8Array, cut = 0): Packet {
  const packet = new Packet();
  const decoder = new Decoder(true, { k0: 1, k1: 2 }, new WeirdCounts());
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  decoder.decode(packet, view, RAW_IP, 0, bytes.length - cut, bytes.length);
  return packet;
}

const isPlain = (bytes: Uint8Array, cut = 0) => (decode(bytes, cut).meta & META_PLAIN_UDP) !== 0;
const datagram = (ports: readonly [number, number], payload: Uint8Array | number) =>
  ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 17, payload: udpDatagram(...ports, payload) });

describe('a plain datagram', () => {
  it('is whole, right, and of the length that it claims', () => {
    const right = datagram([40_000, 9], 20);
    expect(isPlain(right)).toBe(true);
    expect(isPlain(right, 1)).toBe(false);
    const wrong = right.slice();
    wrong[wrong.length - 1]! ^= 1;
    expect(isPlain(wrong)).toBe(false);
    const shorter = udpDatagram(40_000, 9, 20);
    shorter[5]!--;
    expect(isPlain(ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 17, payload: shorter }))).toBe(false);
    expect(isPlain(ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 41, payload: right }))).toBe(false);
  });

  it('has no port, on either side, whose datagrams are looked into', () => {
    const tunnels = udpTunnels.flatMap(({ ports }) => ports);
    const dns = Array.from({ length: 65_536 }, (_, port) => port).filter(isDnsPort);
    expect([...LOOKED_INTO].sort((a, b) => a - b)).toEqual(
      [...new Set([...tunnels, ...dns, NTP])].sort((a, b) => a - b),
    );
    for (const port of LOOKED_INTO)
      expect([isPlain(datagram([port, 9], 20)), isPlain(datagram([40_000, port], 20))]).toEqual([false, false]);
  });

  it('is no tunnel on any port', () => {
    let tunnels = 0;
    let plain = 0;
    fc.assert(
      fc.property(tunnelPayload, (payload) => {
        const packet = decode(datagram([40_000, 9], payload));
        const isTunnel = udpTunnel(packet.view, packet.at + UDP_HEADER, packet.at + packet.length, 9) !== undefined;
        if (isTunnel) tunnels++;
        if ((packet.meta & META_PLAIN_UDP) === 0) return;
        plain++;
        expect(isTunnel).toBe(false);
      }),
      { numRuns: 1000 },
    );
    expect(tunnels).toBeGreaterThan(50);
    expect(plain).toBeGreaterThan(100);
  });

  it('may begin with anything else', () => {
    expect(isPlain(datagram([40_000, 9], concat(Uint8Array.of(0x45), new Uint8Array(99))))).toBe(true);
    expect(isPlain(datagram([40_000, 9], concat(Uint8Array.of(0x60), new Uint8Array(99))))).toBe(true);
    expect(isPlain(datagram([40_000, 9], new Uint8Array(0)))).toBe(true);
  });
});
