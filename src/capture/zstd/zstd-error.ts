/** The compressed bytes are not what RFC 8878 allows. Never leaves `ZstdInput`, which makes a warning of it. */
export class ZstdError extends Error {}

/** @throws ZstdError */
export function corrupt(what: string): never {
  throw new ZstdError(what);
}
