import type { WireVersion } from './protocol.js';

interface HostBlock {
  namespace?: string;
}

/**
 * A message of rows as an engine that speaks an older version understands it. Sequences stay as they are, so that acknowledgements mean
 * the same rows. Version 1 knows no network namespace of a host.
 */
export function inVersion(text: string, version: WireVersion): string {
  if (version >= 2 || !text.includes('"namespace"')) return text;
  const message = JSON.parse(text) as { blocks: HostBlock[] };
  for (const block of message.blocks) if ('host' in block) delete block.namespace;
  return JSON.stringify(message);
}
