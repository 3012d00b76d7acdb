import type { WireVersion } from './protocol.js';

interface Block {
  host?: [stream: string, table: string, pause?: number][];
  namespace?: string;
  table?: string;
  stream?: string;
  time?: number[];
}

/** Tables that came with version 2. */
const newTables: ReadonlySet<string> = new Set(['conntrack']);

/**
 * A message of rows as an engine that speaks an older version understands it. Sequences stay as they are, so that acknowledgements mean
 * the same rows. Version 2 does not know how often a host is polled, version 1 neither the network namespace of a host nor `conntrack`, whose
 * rows become watermarks of a stream that the engine has never heard of.
 */
export function inVersion(text: string, version: WireVersion): string {
  if (version >= 3 || !(version === 2 ? /"host":/ : /"host":|"conntrack"/).test(text)) return text;
  const message = JSON.parse(text) as { blocks: Block[] };
  const blocks = message.blocks.map((block): unknown => {
    if (block.host !== undefined) {
      const { namespace, host, ...rest } = block;
      const streams = host.filter(([, table]) => version >= 2 || !newTables.has(table));
      const own = version >= 2 && namespace !== undefined ? { namespace } : {};
      return { host: streams.map(([stream, table]) => [stream, table]), ...rest, ...own };
    }
    if (version >= 2 || block.table === undefined || !newTables.has(block.table)) return block;
    const { stream, time = [] } = block;
    return { complete: time.map(() => stream), until: time };
  });
  return JSON.stringify({ ...message, blocks });
}
