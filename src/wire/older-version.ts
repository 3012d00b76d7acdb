import type { WireVersion } from './protocol.js';

interface Block {
  host?: [stream: string, table: string][];
  namespace?: string;
  table?: string;
  stream?: string;
  time?: number[];
}

/** Tables that came with version 2. */
const newTables: ReadonlySet<string> = new Set(['conntrack']);

/**
 * A message of rows as an engine that speaks an older version understands it. Sequences stay as they are, so that acknowledgements mean
 * the same rows. Version 1 knows neither the network namespace of a host nor `conntrack`, whose rows become watermarks of a stream that the
 * engine has never heard of.
 */
export function inVersion(text: string, version: WireVersion): string {
  if (version >= 2 || !/"namespace":|"conntrack"/.test(text)) return text;
  const message = JSON.parse(text) as { blocks: Block[] };
  const blocks = message.blocks.map((block): unknown => {
    if (block.host !== undefined) {
      const { namespace: _, host, ...rest } = block;
      return { host: host.filter(([, table]) => !newTables.has(table)), ...rest };
    }
    if (block.table === undefined || !newTables.has(block.table)) return block;
    const { stream, time = [] } = block;
    return { complete: time.map(() => stream), until: time };
  });
  return JSON.stringify({ ...message, blocks });
}
