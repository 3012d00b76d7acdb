import { limits } from '../core/limits.js';
import type { WeirdCounts } from '../core/weird.js';
import type { Decoder } from '../decode/decoder.js';
import { Packet } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { uidOfRecord } from './connection-view.js';
import { addLetterOnce, LETTER_X, SEEN_LIMIT } from './history.js';
import { FLAGS, NO_TUNNEL, ORDINAL, PORTS, SENT_INNER } from './record-layout.js';

/** What the tunnels need of the tracker. */
export interface TunnelContext {
  readonly table: ConnectionTable;
  readonly decoder: Decoder;
  readonly weird: WeirdCounts;
  /** The word of the record's capture that goes into its uid. */
  captureWord(base: number): number;
  /** Tells whose the weirds are that were just counted: of a packet, or of the connection at `base`. */
  reportPacket(packet: Packet): void;
  reportConnection(base: number, time: number): void;
}

/** Opens tunnels over UDP, whose outer packets belong to connections of their own. */
export class UdpTunnels {
  readonly #context: TunnelContext;
  /** What is inside, by the number of tunnels around the packet that carries it. */
  readonly #inner: readonly Packet[] = Array.from({ length: limits.tunnelDepth }, () => new Packet());
  /** Uid of the connection that last carried a packet, and its ordinal. */
  #ordinal = -1;
  #uid = '';

  constructor(context: TunnelContext) {
    this.#context = context;
  }

  /**
   * The packet inside of a UDP packet of direction `dir` that has just been taken into the record at `base`; undefined when it is no tunnel's
   * or nothing that belongs to a connection is inside. Valid until the next packet is opened at this depth.
   */
  open(packet: Packet, base: number, dir: number): Packet | undefined {
    const { table, decoder, weird } = this.#context;
    const { i32 } = table;
    const tunnel = decoder.udpTunnel(packet, i32[base + PORTS]! & 0xffff);
    if (tunnel === undefined || (i32[base + FLAGS]! & NO_TUNNEL) !== 0) return undefined;
    const inner = this.#inner[packet.depth];
    if (inner === undefined) {
      // By Zeek's analyzers of the others.
      if (tunnel.name !== 'gtpv1') addLetterOnce(table, weird, base, 0, SEEN_LIMIT, LETTER_X);
      decoder.countTooDeep(tunnel);
      if (weird.news.length > 0) this.#context.reportPacket(packet);
      return undefined;
    }
    const both = SENT_INNER | (SENT_INNER << 1);
    const verdict = decoder.openUdp(tunnel, packet, (i32[base + FLAGS]! & both) === both);
    if (verdict === 'violation') i32[base + FLAGS]! |= NO_TUNNEL;
    // Zeek tells of Teredo by the connection, of the others by the packet.
    if (weird.news.length > 0) {
      if (tunnel.name === 'teredo') this.#context.reportConnection(base, packet.timeUs);
      else this.#context.reportPacket(packet);
    }
    if (verdict !== 'inside') return undefined;
    i32[base + FLAGS]! |= SENT_INNER << dir;
    const belongs = decoder.decodeInner(inner, packet, tunnel, this.#uidAt(base));
    if (inner.rest !== undefined) {
      // 802.11 in GRE in UDP: too rare to be worth a way of its own.
      inner.rest = undefined;
      weird.count('wireless_rest_of_aggregate');
    }
    if (weird.news.length > 0) this.#context.reportPacket(inner);
    return belongs ? inner : undefined;
  }

  #uidAt(base: number): string {
    const { table } = this.#context;
    const ordinal = table.i32[base + ORDINAL]!;
    if (ordinal !== this.#ordinal || this.#uid === '') {
      this.#ordinal = ordinal;
      this.#uid = uidOfRecord(table, base, this.#context.captureWord(base));
    }
    return this.#uid;
  }
}
