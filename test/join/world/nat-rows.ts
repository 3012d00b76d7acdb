import type { Columns } from '../../../src/records/host-tables.js';

/** `10.0.0.5:40000>203.0.113.1:443` the other way round. */
export const swapped = (text: string): string => text.split('>').reverse().join('>');

/** A row about a translated TCP connection: its packets as they come to the host, and as the answers to them do. */
export const translation = (original: string, reply: string): Columns<'conntrack'> => ({
  protocol: 6,
  ...way('original', original),
  ...way('reply', reply),
});

function way(name: 'original' | 'reply', text: string): Columns<'conntrack'> {
  const [source, destination] = text.split('>').map((end) => end.split(':')) as [[string, string], [string, string]];
  return {
    [`${name}_source`]: source[0],
    [`${name}_source_port`]: Number(source[1]),
    [`${name}_destination`]: destination[0],
    [`${name}_destination_port`]: Number(destination[1]),
  };
}
