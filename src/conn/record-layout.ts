/**
 * One connection is 256 bytes of the table's buffer, seen through four typed arrays. What a plain TCP packet touches lies in the first
 * 64 bytes, so that it costs one cache line. Offsets are in elements of the view named; `+ dir` marks a pair, the originator's element
 * (dir 0) before the responder's (dir 1).
 *
 *     bytes   0  address words (IPv4, or the last word of IPv6), ports, meta, flags, seen
 *            24  last time   32 packets + dir   40 IP bytes (low) + dir   48 next + dir   56 confirmed + dir
 *            64  last + dir  80 acknowledged + dir     96 reassembled + dir   112 start sequence + dir   120 segments + dir
 *           128  start time  136 deadline  144 first 12 history letters  156 IP bytes (high)  160 ordinal  164 VLANs  168 rest of IPv6 addresses, or hash
 *           192  counters    216 timer links  224 sequence numbers of the last SYN, FIN, RST + dir, or next look  248 FIN sequence + dir
 */
export const RECORD_BYTES = 256;
export const RECORD_WORDS = RECORD_BYTES / 4;

// Int32Array
export const ORIG_WORD = 0;
export const RESP_WORD = 1;
/** Originator's port in the high half, responder's in the low one. */
export const PORTS = 2;
/** IP protocol, then META_IPV6 and META_ONE_WAY: the key bits of a packet's meta. */
export const META = 3;
export const FLAGS = 4;
/** History letters seen once (7 bits per direction, one of both), number of letters in the high half. */
export const SEEN = 5;
export const PACKETS = 8;
/** IP-level bytes modulo 2^32; what is beyond is in IP_BYTES_HIGH. See `ip-bytes.ts`. */
export const IP_BYTES = 10;
/** With IN_STEP: absolute sequence numbers of what comes next, and of what the peer has acknowledged. See `tcp-step.ts`. */
export const NEXT = 12;
export const CONFIRMED = 14;
export const START_SEQ = 28;
export const SEGMENTS = 30;
export const ORDINAL = 40;
/** Bits 0-11 VLAN, 12 present; 16-27 inner VLAN, 28 present. */
export const VLANS = 41;
/** Three words of the originator's IPv6 address, three of the responder's. */
export const IPV6_WORDS = 42;
/** IPv4: hash of the connection's key, as its packets have it. */
export const HASH = IPV6_WORDS;
export const RETRANSMITS = 48;
export const TIMER_NEXT = 54;
export const TIMER_PREV = 55;
export const LAST_SYN = 56;
export const LAST_FIN = 58;
export const LAST_RST = 60;
export const FIN_SEQ = 62;

// Float64Array
export const LAST_TIME = 3;
/** TCP: highest sequence number sent, relative to the start; for below 0 see `initEndpoint`. UDP and ICMP: payload bytes. */
export const LAST = 8;
/** TCP: highest sequence number that the peer acknowledged, relative to the start. */
export const ACKED = 10;
/** TCP: relative sequence number up to which the stream is known or given up. */
export const REASSEMBLED = 12;
export const START_TIME = 16;
export const DEADLINE = 17;
/**
 * When Zeek next looks whether it should end: of UDP to the ports of DNS, and of TCP of which nothing valid has come, so that the numbers in
 * this place are not yet of meaning.
 */
export const NEXT_LOOK = 28;

// Uint16Array
export const ZERO_WINDOWS = 100;
export const GAPS = 102;
export const BAD_CHECKSUMS = 104;
export const CAPTURE = 106;
/** TCP: 1 where `ConnectionTable.forgotten` has something of the record; see `forgotten-data.ts`. */
export const FORGOTTEN_APART = 107;
export const IP_BYTES_HIGH = 78;

// Uint8Array
export const LETTERS = 144;
export const LETTERS_INLINE = 12;

// FLAGS: states of TCP in bits 0-2 (orig) and 3-5 (resp), the states before in 6-8 and 9-11, then single bits.
export const STATE_BITS = 3;
/** UDP: it is not, or no longer, parsed as DNS, whatever the port says. */
export const NO_DNS = 1;
export const PREVIOUS_STATE = 6;
/** First of two bits: the end was reported closed. */
export const DID_CLOSE = 1 << 12;
export const FIRST_SEEN = 1 << 14;
export const DID_EOF = 1 << 16;
/** UDP: no packet of this role is asked any more whether its direction is the right one. First of two bits. */
export const HEARD = 1 << 16;
/** Gaps of this direction are no longer followed. */
export const SKIP_STREAM = 1 << 18;
export const SENT_FIN = 1 << 20;
/** UDP: this end has sent a packet inside of its tunnel. First of two bits. */
export const SENT_INNER = 1 << 20;
export const PARTIAL = 1 << 22;
export const CLOSE_DEFERRED = 1 << 23;
/** The end is certain; the connection goes at its deadline whatever comes. */
export const CLOSING = 1 << 24;
export const HANDSHAKE_DONE = 1 << 25;
/** UDP and ICMP: this end has sent something valid. First of two bits. */
export const ACTIVE = 1 << 26;
/** TCP: the responder sent a SYN, and no data of the originator had come before. */
export const SYN_ANSWERED = 1 << 26;
/** TCP: somebody takes its bytes, or is to be asked when the first come. */
export const STREAMED = 1 << 27;
export const LONG_HISTORY = 1 << 28;
export const WAS_WEIRD = 1 << 29;
/** Came through a tunnel: see `ConnectionTable.tunnelPaths`. */
export const TUNNELED = 1 << 30;
/** TCP: NEXT and CONFIRMED hold, and may be ahead of the numbers relative to the start. */
export const IN_STEP = 1 << 31;
/** UDP: its payload is no tunnel, whatever the port says. */
export const NO_TUNNEL = 1 << 31;
