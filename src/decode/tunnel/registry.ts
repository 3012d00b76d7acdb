import { ayiya, looksLikeAyiya } from './ayiya.js';
import { geneve } from './geneve.js';
import { gre } from './gre.js';
import { gtp } from './gtp.js';
import { ipv4InIp, ipv6InIp } from './ip-in-ip.js';
import { looksLikeTeredo, teredo } from './teredo.js';
import type { Tunnel } from './tunnel.js';
import { vxlan } from './vxlan.js';

/** Tunnels straight over IP, by protocol number. They make no connection of their own, as in Zeek. */
export const ipTunnels: readonly { readonly tunnel: Tunnel; readonly proto: number }[] = [
  { tunnel: ipv4InIp, proto: 4 },
  { tunnel: ipv6InIp, proto: 41 },
  { tunnel: gre, proto: 47 },
];

/** Tunnels over UDP: Zeek's ports of the responder, and how they are known on other ports. */
export const udpTunnels: readonly {
  readonly tunnel: Tunnel;
  readonly ports: readonly number[];
  readonly detect?: (view: DataView, at: number, end: number) => boolean;
}[] = [
  { tunnel: ayiya, ports: [5072], detect: looksLikeAyiya },
  { tunnel: geneve, ports: [6081] },
  { tunnel: gre, ports: [4754] },
  { tunnel: gtp, ports: [2123, 2152] },
  { tunnel: teredo, ports: [3544], detect: looksLikeTeredo },
  { tunnel: vxlan, ports: [4789] },
];

/** Place in `udpTunnels`, plus one, by port. */
const byPort = new Uint8Array(65_536);
for (const [i, { ports }] of udpTunnels.entries()) for (const port of ports) byPort[port] = i + 1;
const detected = udpTunnels.filter(({ detect }) => detect !== undefined);

/** The tunnel over IP of a protocol number. */
export function ipTunnel(proto: number): Tunnel | undefined {
  return ipTunnels.find((entry) => entry.proto === proto)?.tunnel;
}

/** The tunnel that a UDP payload to or from a responder's port may be. A port that is some tunnel's is no other's. */
export function udpTunnel(view: DataView, at: number, end: number, responderPort: number): Tunnel | undefined {
  const known = byPort[responderPort]!;
  if (known !== 0) return udpTunnels[known - 1]!.tunnel;
  for (const { tunnel, detect } of detected) if (detect?.(view, at, end) === true) return tunnel;
  return undefined;
}
