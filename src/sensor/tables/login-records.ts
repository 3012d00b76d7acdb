/** A record of /run/utmp or /var/log/wtmp (utmp(5)). */
export interface LoginRecord {
  readonly type: number;
  readonly pid: number;
  readonly tty: string;
  readonly user: string;
  readonly host: string;
  /** Epoch seconds. */
  readonly time: number;
}

/** struct utmp of glibc on 64-bit Linux. */
const RECORD_BYTES = 384;
const TTY_AT = 8;
const USER_AT = 44;
const HOST_AT = 76;
const TIME_AT = 340;

/** The records of a file; a torn last one is left out. */
export function parseLoginRecords(bytes: Buffer): LoginRecord[] {
  const records: LoginRecord[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    records.push({
      type: bytes.readInt16LE(at),
      pid: bytes.readInt32LE(at + 4),
      tty: text(bytes, at + TTY_AT, 32),
      user: text(bytes, at + USER_AT, 32),
      host: text(bytes, at + HOST_AT, 256),
      time: bytes.readUInt32LE(at + TIME_AT),
    });
  }
  return records;
}

function text(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}
