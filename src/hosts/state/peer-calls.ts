import type { SocketSource } from './socket-interval.js';

const nothing: readonly number[] = [];

/** What was asked for last. */
interface Asked {
  readonly protocol: number;
  readonly address: string;
  readonly port: number;
  readonly found: readonly number[];
}

/**
 * Handles of one host's connects and accepts that name their peer alone, by that peer, each list in order of time. An end asks several times in a row for
 * the same, which is remembered.
 */
export class PeerCalls {
  readonly #lists = new Map<string, number[]>();
  #connects: Asked | undefined;
  #accepts: Asked | undefined;

  [Symbol.iterator](): IterableIterator<[key: string, handles: number[]]> {
    return this.#lists.entries();
  }

  get(key: string): number[] | undefined {
    return this.#lists.get(key);
  }

  set(key: string, handles: number[]): void {
    this.#forgetAsked();
    this.#lists.set(key, handles);
  }

  delete(key: string): void {
    this.#forgetAsked();
    this.#lists.delete(key);
  }

  /** Those of one kind that name this peer. */
  find(source: 'connect' | 'accept', protocol: number, address: string, port: number): readonly number[] {
    const last = source === 'connect' ? this.#connects : this.#accepts;
    if (last !== undefined && last.port === port && last.address === address && last.protocol === protocol)
      return last.found;
    const found = this.#lists.get(peerKey(source, protocol, address, port)) ?? nothing;
    const asked = { protocol, address, port, found };
    if (source === 'connect') this.#connects = asked;
    else this.#accepts = asked;
    return found;
  }

  #forgetAsked(): void {
    this.#connects = undefined;
    this.#accepts = undefined;
  }
}

export function peerKey(source: SocketSource, protocol: number, address: string, port: number): string {
  return `${source} ${protocol} ${address} ${port}`;
}
