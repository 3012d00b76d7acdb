import type { BatchPlace, PacketBatch } from '../capture/packet-batch.js';
import { limits } from '../core/limits.js';
import { secretKey } from '../core/secret-key.js';
import type { Micros } from '../core/time.js';
import { WeirdCounts, type WeirdNews } from '../core/weird.js';
import { BatchDecoder } from '../decode/batch-decoder.js';
import { DECODED_AT_ONCE, DECODED_BYTES, DecodedBatch } from '../decode/decoded-batch.js';
import { Decoder } from '../decode/decoder.js';
import { META_PLAIN_TCP, META_VALID, Packet, ROW_META, ROW_TIME, ROW_WORDS } from '../decode/packet.js';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../decode/transport.js';
import { CaptureNames, type CaptureRef } from './capture-names.js';
import { ConnectionTable } from './connection-table.js';
import { ConnectionTimers } from './connection-timers.js';
import { ConnectionUpdates } from './connection-updates.js';
import { uidOfRecord, VLAN_PRESENT } from './connection-view.js';
import { ControlStorms } from './control-storms.js';
import { icmpPacket, otherPacket, udpPacket } from './datagram-connection.js';
import type { EndedRecords } from './ended-records.js';
import { FollowKernel } from './follow-kernel.js';
import { addLetter, LETTER_FLIP } from './history.js';
import { isFlipped } from './likely-server-ports.js';
import {
  CAPTURE,
  FLAGS,
  LAST_TIME,
  ORDINAL,
  RECORD_WORDS,
  SEGMENTS,
  START_TIME,
  STREAMED,
  VLANS,
} from './record-layout.js';
import { SegmentPool } from './segment-pool.js';
import { StreamAssembler } from './stream/stream-assembler.js';
import type { OpenStream } from './stream/stream-consumer.js';
import { initTcp, isReuse, plainSegment, plainWindow, type TcpContext, tcpPacket } from './tcp-connection.js';
import { TcpWindows } from './tcp-windows.js';
import { defaultTimeouts, type Timeouts } from './timeouts.js';
import type { TrackerOptions, TrackerStats } from './tracker-options.js';
import { followPath } from './tunnel-path.js';
import { UdpTunnels } from './udp-tunnels.js';
import { WeirdReports } from './weird-reports.js';

/** Packets whose connections are looked at before the first of them is taken, at most MAX_TOUCHED. 16 to 128 made no difference (2026-11). */
const GROUP = 32;

/**
 * Packets in, connections out, with the meaning of Zeek's conn.log. Time is that of the packets (and of `advance`) and
 * never goes back. Updates come in an order that depends on the packets alone: ends by (deadline, first packet).
 */
export class ConnectionTracker {
  readonly #options: TrackerOptions;
  readonly #timeouts: Timeouts;
  readonly #table: ConnectionTable;
  readonly #kernel: FollowKernel | undefined;
  /** Nothing is to be told or kept of a connection that begins, so that the kernel may begin it. */
  readonly #kernelBegins: boolean;
  readonly #timers: ConnectionTimers;
  readonly #updates: ConnectionUpdates;
  /** Of what is inside of tunnels over UDP. */
  readonly #decoder: Decoder;
  readonly #weird: WeirdCounts;
  readonly #reports: WeirdReports | undefined;
  readonly #context: TcpContext;
  readonly #captures = new CaptureNames();
  readonly #batchDecoder: BatchDecoder;
  readonly #decoded: DecodedBatch;
  readonly #packet = new Packet();
  /** On the rows of packets behind the first of their frame. */
  readonly #other = new Packet();
  readonly #tunnels: UdpTunnels;
  #now: Micros = Number.NEGATIVE_INFINITY;
  #packets = 0;
  #bytes = 0;
  #skipped = 0;
  #connections = 0;
  /** Where the connections are that were open at the end of input, as `placesByOrdinal` gives it, and how many of them have been reported. */
  #ending: Int32Array | undefined;
  #ended = 0;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
    const key = options.key ?? secretKey();
    const verifyChecksums = options.checksums === 'verify';
    this.#table = new ConnectionTable(
      key,
      options.maxConnections ?? limits.connections,
      options.roomBytes ?? DECODED_BYTES,
    );
    // It does not follow windows.
    this.#kernel = options.onWeird === undefined ? FollowKernel.over(this.#table) : undefined;
    this.#decoded = new DecodedBatch(this.room?.buffer, this.room?.offset, this.room?.memory);
    this.#updates = new ConnectionUpdates(this.#table, this.#captures, options);
    this.#timers = new ConnectionTimers(this.#table, this.#timeouts, options.interimUs, (base) =>
      this.#updates.emit('interim', base),
    );
    this.#kernel?.arms(this.#timers.wheel, this.#timeouts.tcp_close_delay);
    const { lent } = this.#updates;
    if (lent !== undefined && options.openStream === undefined && options.interimUs === undefined)
      this.#kernel?.ends(lent, this.#timeouts);
    this.#weird = new WeirdCounts(options.onWeird !== undefined);
    this.#reports = options.onWeird && new WeirdReports(this.#table, options.onWeird);
    this.#batchDecoder = new BatchDecoder({ verifyChecksums, key }, this.#weird);
    this.#decoder = new Decoder(verifyChecksums, key, this.#weird);
    this.#context = {
      table: this.#table,
      weird: this.#weird,
      segments: new SegmentPool(),
      streams: options.openStream && this.#assembler(options.openStream),
      storms: new ControlStorms(),
      windows: options.onWeird && new TcpWindows(),
      closed: false,
      sooner: false,
    };
    this.#kernelBegins =
      options.openStream === undefined && options.interimUs === undefined && options.startRecords !== true;
    this.#tunnels = new UdpTunnels({
      table: this.#table,
      decoder: this.#decoder,
      weird: this.#weird,
      captureWord: (base) => this.#captureWord(base),
      reportPacket: (packet) => this.#reportOfPacket(packet, this.#weird.takeNews()),
      reportConnection: (base, time) => this.#reportConnection(base, time),
    });
  }

  /**
   * Where the rows of who calls `decoded` should lie, or behind DECODED_BYTES the packets of who calls `batch`, so that they are taken the quicker
   * way; undefined where there is none.
   */
  get room(): BatchPlace | undefined {
    return this.#table.room;
  }

  #assembler(open: OpenStream): StreamAssembler {
    const uidOf = (base: number): string => uidOfRecord(this.#table, base, this.#captureWord(base));
    return new StreamAssembler({ table: this.#table, weird: this.#weird, uidOf }, open);
  }

  #captureWord(base: number): number {
    return this.#captures.wordOf(this.#table.u16[(base << 1) + CAPTURE]!);
  }

  /** Takes every packet of a batch. `captures[link >>> 16]` names its source. The batch is not kept. */
  batch(batch: PacketBatch, captures: readonly CaptureRef[]): void {
    for (let first = 0; first < batch.count; first += DECODED_AT_ONCE) {
      this.#batchDecoder.decode(batch, first, Math.min(batch.count, first + DECODED_AT_ONCE), this.#decoded);
      this.decoded(this.#decoded, captures);
    }
  }

  /** Takes every packet of a batch that was decoded with this tracker's checksum option and hash secret. The batch is not kept. */
  decoded(batch: DecodedBatch, captures: readonly CaptureRef[]): void {
    this.#captures.use(captures);
    const { count, rows } = batch;
    this.#packets += count;
    this.#bytes += batch.wireBytes;
    this.#packet.i32 = rows.i32;
    this.#packet.f64 = rows.f64;
    if (this.#kernel !== undefined && batch.sides.size === 0 && this.#kernel.reads(batch)) {
      this.#takeWith(this.#kernel, batch);
      return;
    }
    for (let first = 0; first < count; first += GROUP) {
      const size = Math.min(GROUP, count - first);
      this.#table.touch(rows.i32, first, size);
      const end = first + size;
      for (let k = this.#takeRows(batch, first, end); k < end; k = this.#takeRows(batch, k, end)) {
        this.#now = rows.f64[((k * ROW_WORDS) >> 1) + ROW_TIME]!;
        this.#expire(this.#now);
      }
    }
  }

  /** Takes rows without sides, those that the kernel leaves one by one. */
  #takeWith(kernel: FollowKernel, batch: DecodedBatch): void {
    const { count } = batch;
    const packet = this.#packet;
    for (let k = 0; ; ) {
      k = this.#takeRun(kernel, batch, k);
      for (let slot = kernel.closing; slot >= 0; slot = kernel.closing) {
        this.#timers.armClosing(slot);
        k = this.#takeRun(kernel, batch, k);
      }
      if (k === count) return;
      batch.read(packet, k);
      if (packet.timeUs > this.#now) {
        this.#now = packet.timeUs;
        if (this.#now >= this.#timers.next) {
          this.#expire(this.#now);
          // Most were left for that alone.
          continue;
        }
      }
      if ((packet.meta & META_VALID) !== 0) this.#take(packet);
      else this.#skipped++;
      k++;
    }
  }

  /** Takes rows from `first` on with the kernel, and gives the one that it leaves or that comes next. */
  #takeRun(kernel: FollowKernel, batch: DecodedBatch, first: number): number {
    const { tcp_attempt_delay } = this.#timeouts;
    if (this.#kernelBegins) kernel.begins(this.#connections, this.#captures.ids, tcp_attempt_delay);
    const { wheel } = this.#timers;
    const { lent } = this.#updates;
    kernel.wheel(wheel, lent?.count ?? 0, this.#table.resets.size === 0 && !wheel.hasOwnHeap);
    const next = kernel.take(batch, first, batch.count, this.#now, wheel.next, this.#context.storms.isCalm);
    this.#now = kernel.now;
    const waiting = kernel.ended(wheel);
    this.#connections += kernel.begun;
    for (let i = 0; i < kernel.unarmed; i++) this.#timers.armAttempt(kernel.unarmedSlot(i));
    this.#updates.ended(waiting);
    return next;
  }

  /**
   * Takes rows up to the one at whose time something is due, and gives that one; `end` when nothing is. What is due is left to the caller,
   * since V8 compiles this before anything ever was, and threw its code away when it first was (40 ms, 2026-11).
   */
  #takeRows(batch: DecodedBatch, first: number, end: number): number {
    const table = this.#table;
    const context = this.#context;
    const { i32, f64 } = batch.rows;
    const hasSides = batch.sides.size > 0;
    for (let k = first; k < end; k++) {
      const row = k * ROW_WORDS;
      const time = f64[(row >> 1) + ROW_TIME]!;
      if (time > this.#now) {
        if (time >= this.#timers.next) return k;
        this.#now = time;
      }
      const meta = i32[row + ROW_META]!;
      if ((meta & META_PLAIN_TCP) !== 0 && !(hasSides && batch.sides.has(k))) {
        const slot = table.find(i32, row);
        if (slot >= 0 && plainSegment(context, slot * RECORD_WORDS, table.dir, i32, f64, row)) {
          if (context.windows !== undefined) this.#weirdsOfPlain(slot * RECORD_WORDS, i32, row, time);
          continue;
        }
      }
      const packet = this.#packet;
      batch.read(packet, k);
      if (hasSides) this.#reportPacket(packet, batch.sides.get(k)?.weirds);
      if ((meta & META_VALID) !== 0) this.#take(packet);
      else this.#skipped++;
      if (hasSides) this.#takeOthers(batch, k);
    }
    return end;
  }

  /** Takes the packets behind the one of row `k` in the same frame. */
  #takeOthers(batch: DecodedBatch, k: number): void {
    const packet = this.#other;
    for (const other of batch.sides.get(k)?.others ?? []) {
      batch.readOther(packet, other);
      this.#reportPacket(packet, other.side.weirds);
      if ((packet.meta & META_VALID) !== 0) this.#take(packet);
    }
  }

  /** What only who is told of weirds wants to know of a packet that `plainSegment` took. */
  #weirdsOfPlain(base: number, rows: Int32Array, row: number, time: Micros): void {
    plainWindow(this.#context, base, this.#table.dir, rows, row);
    if (this.#weird.news.length > 0) this.#reportConnection(base, time);
  }

  /** Moves time on while the wire is idle, so that connections expire. */
  advance(nowUs: Micros): void {
    if (nowUs <= this.#now) return;
    this.#now = nowUs;
    this.#expire(nowUs);
  }

  /**
   * End of input: the open connections, in order of their first packet, for the caller to report. They are lent until it calls `end`, and no packet
   * may come any more. Undefined, with nothing done, where they are not lent.
   */
  lendOpen(): EndedRecords | undefined {
    if (this.#updates.lent === undefined || this.#context.streams !== undefined) return undefined;
    this.#updates.release();
    this.#ending = this.#table.placesByOrdinal(this.#connections);
    this.#ended = this.#ending.length;
    return this.#updates.open(this.#ending);
  }

  /**
   * End of input: reports up to `most` of the open connections, in order of their first packet. True when none is left; to
   * be called until then, and no packet may come after the first call.
   */
  end(most: number = Number.POSITIVE_INFINITY): boolean {
    this.#updates.release();
    this.#ending ??= this.#table.placesByOrdinal(this.#connections);
    const until = Math.min(this.#ending.length, this.#ended + most);
    while (this.#ended < until) {
      const base = (this.#ending[this.#ended++]! - this.#table.recordsAt) / Int32Array.BYTES_PER_ELEMENT;
      this.#context.streams?.close(base);
      this.#updates.end(base);
    }
    this.#updates.tell();
    if (this.#ended < this.#ending.length) return false;
    this.#table.clear();
    this.#timers.clear();
    this.#context.segments.clear();
    return true;
  }

  get stats(): TrackerStats {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      skipped: this.#skipped,
      connections: this.#connections,
      open: this.#table.count,
      evictedAttempts: this.#timers.evictedAttempts,
      evictedOthers: this.#timers.evictedOthers,
      weirds: this.#weird.snapshot(),
    };
  }

  #take(packet: Packet): void {
    const table = this.#table;
    const { proto } = packet;
    let slot = table.find(packet.i32, packet.base);
    if (slot >= 0 && proto === PROTO_TCP) {
      const linger = this.#timeouts.tcp_connection_linger;
      if (isReuse(this.#context, slot * RECORD_WORDS, packet, packet.timeUs, linger)) {
        if (this.#weird.news.length > 0) this.#reportConnection(slot * RECORD_WORDS, packet.timeUs);
        this.#finish(slot);
        slot = -1;
      }
    }
    const isNew = slot < 0;
    if (isNew) slot = this.#begin(packet);
    const base = slot * RECORD_WORDS;
    const dir = table.dir;
    const context = this.#context;
    followPath(table, this.#weird, slot, packet, isNew);
    let isIntact = true;
    if (proto === PROTO_TCP) tcpPacket(context, base, dir, packet);
    else if (proto === PROTO_UDP) isIntact = udpPacket(context, base, dir, packet);
    else if (proto === PROTO_ICMP || proto === PROTO_ICMPV6) icmpPacket(context, base, dir, packet);
    else otherPacket(context, base, dir, packet);
    if (this.#weird.news.length > 0) this.#reportConnection(base, packet.timeUs);
    if (context.closed) {
      context.closed = false;
      this.#timers.armClosing(slot);
    } else if (isNew || context.sooner) this.#timers.arm(slot, this.#now);
    context.sooner = false;
    if (isNew && this.#options.startRecords === true) this.#updates.emit('start', base);
    if (proto === PROTO_UDP && isIntact) {
      const inner = this.#tunnels.open(packet, base, dir);
      if (inner !== undefined) this.#take(inner);
    }
  }

  #reportPacket(packet: Packet, news: readonly WeirdNews[] | undefined): void {
    if (news !== undefined) this.#reportOfPacket(packet, news);
  }

  #reportOfPacket(packet: Packet, news: readonly WeirdNews[]): void {
    this.#reports?.ofPacket(news, packet, this.#captures.get(this.#captures.idOf(packet.source))?.name ?? '');
  }

  #reportConnection(base: number, time: Micros): void {
    const id = this.#table.u16[(base << 1) + CAPTURE]!;
    this.#reports?.ofConnection(
      this.#weird.takeNews(),
      base,
      time,
      this.#captures.get(id)?.name ?? '',
      this.#captures.wordOf(id),
    );
  }

  /** A record for a packet that belongs to no open connection. */
  #begin(packet: Packet): number {
    const table = this.#table;
    if (table.isFull) {
      const evicted = this.#timers.popEvicted();
      if (evicted >= 0) this.#finish(evicted);
    }
    if (!table.hasSlot) this.#updates.release();
    const flipped = isFlipped(packet);
    const slot = table.insert(packet, flipped);
    const base = slot * RECORD_WORDS;
    table.f64[(base >> 1) + START_TIME] = packet.timeUs;
    table.f64[(base >> 1) + LAST_TIME] = packet.timeUs;
    table.i32[base + ORDINAL] = this.#connections++ | 0;
    table.u16[(base << 1) + CAPTURE] = this.#captures.idOf(packet.source);
    let vlans = 0;
    if (packet.vlan >= 0) vlans |= packet.vlan | VLAN_PRESENT;
    if (packet.innerVlan >= 0) vlans |= (packet.innerVlan | VLAN_PRESENT) << 16;
    table.i32[base + VLANS] = vlans;
    if (packet.proto === PROTO_TCP) {
      initTcp(table, base);
      this.#context.windows?.begin(base);
      if (this.#context.streams !== undefined) table.i32[base + FLAGS] = table.i32[base + FLAGS]! | STREAMED;
    }
    if (flipped) addLetter(table, this.#weird, base, 0, LETTER_FLIP);
    return slot;
  }

  /** Ends what is due at `now`. */
  #expire(now: Micros): void {
    for (let slot = this.#timers.popExpired(now); slot >= 0; slot = this.#timers.popExpired(now)) this.#finish(slot);
  }

  /** Reports a connection for the last time and forgets it. */
  #finish(slot: number): void {
    const table = this.#table;
    const base = slot * RECORD_WORDS;
    this.#context.streams?.close(base);
    const isLent = this.#updates.end(base);
    this.#timers.disarm(slot);
    for (let dir = 0; dir < 2; dir++) {
      const head = table.i32[base + SEGMENTS + dir]!;
      if (head >= 0) this.#context.segments.drop(head);
    }
    this.#context.storms.end(base);
    if (isLent) this.#updates.unlink(slot);
    else table.remove(slot);
  }
}
