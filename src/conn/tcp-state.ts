/** States of one TCP end, with Zeek's meaning. The order is that of Zeek's `endpoint` record. */
export const TCP_INACTIVE = 0;
/** SYN seen. */
export const TCP_SYN_SENT = 1;
/** SYN with ACK seen without a SYN before. */
export const TCP_SYN_ACK_SENT = 2;
/** Data seen without a SYN. */
export const TCP_PARTIAL = 3;
export const TCP_ESTABLISHED = 4;
/** FIN seen. */
export const TCP_CLOSED = 5;
export const TCP_RESET = 6;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_ACK = 16;
export const TCP_URG = 32;
