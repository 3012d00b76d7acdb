// Flags in one number.

export function hasFlag(bits: number, flag: number): boolean {
  return (bits & flag) !== 0;
}

/** The number with the flag, or several, set or not. */
export function withFlag(bits: number, flag: number, is: boolean): number {
  return is ? bits | flag : bits & ~flag;
}
