import type { WeirdCounts } from '../../core/weird.js';
import type { Packet } from '../packet.js';

export type TunnelName = 'ip' | 'gre' | 'teredo' | 'ayiya' | 'vxlan' | 'geneve' | 'gtpv1';

/**
 * What looking for a tunnel's header showed: a packet inside, the tunnel without one (control messages, keep-alives), or
 * something else than this tunnel, so that Zeek does not look again on that connection.
 */
export type TunnelVerdict = 'inside' | 'nothing' | 'violation';

/** Where the packet inside of a tunnel lies and which layer it starts with; filled in by `Tunnel.open`, but for `isConfirmed`. */
export class Inside {
  layer: 'ip' | 'ethernet' | 'ether_type' | 'erspan' | 'ieee802_11' = 'ip';
  /** Only of meaning for the layer `ether_type`. */
  etherType = 0;
  at = 0;
  /** Where its captured bytes end. */
  end = 0;
  /** Both ends of the connection that carries the tunnel have sent packets in it; told by who opens it. */
  isConfirmed = false;
}

/** A tunnel's header. Each tunnel is a file of its own, listed in `registry.ts`. */
export interface Tunnel {
  readonly name: TunnelName;
  /**
   * Reads the header between `at` and `end` of the view of `outer`, the packet that carries it, and fills in `inside`
   * when the verdict is `inside`. Malformed headers are counted under Zeek's names.
   */
  open(outer: Packet, at: number, end: number, inside: Inside, weird: WeirdCounts): TunnelVerdict;
}

/** Fills in `inside`. */
export function enter(inside: Inside, layer: Inside['layer'], at: number, end: number): 'inside' {
  inside.layer = layer;
  inside.at = at;
  inside.end = end;
  return 'inside';
}
