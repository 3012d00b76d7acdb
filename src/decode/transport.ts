export const PROTO_ICMP = 1;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_ICMPV6 = 58;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_ACK = 16;
export const TCP_URG = 32;

/** Length of a TCP header from its bytes 12 to 15, which are `control` of a packet. */
export function headerBytesOf(control: number): number {
  return (control >>> 28) << 2;
}

/** The eight TCP flags. */
export function flagsOf(control: number): number {
  return (control >>> 16) & 0xff;
}

/** The window as sent, before scaling. */
export function windowOf(control: number): number {
  return control & 0xffff;
}
