import type { AttributedEnd, End } from '../records/attributed-connection.js';

/** Control characters in names and command lines could steer a terminal; they are shown as dots. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '·');
}

/** The owner of an end in a few words for a person: `curl[1234] alice@desk-1`, or why there is none. */
export function ownerText(end: End): string {
  switch (end.state) {
    case 'attributed':
      return attributedText(end);
    case 'ambiguous': {
      const names = new Set(end.candidates.map((c) => `${c.process.name ?? '?'}[${c.process.pid}]`));
      return printable(`one of ${[...names].slice(0, 3).join(', ')}${names.size > 3 ? ', …' : ''}`);
    }
    case 'pending':
      return 'pending';
    case 'unattributed':
      return printable(end.host === undefined ? end.reason : `${end.reason} @${end.host.id}`);
  }
}

function attributedText(end: Omit<AttributedEnd, 'state'>): string {
  const user = end.user?.name ?? (end.user === undefined ? '' : `uid ${end.user.uid}`);
  return printable(`${end.process.name ?? end.process.path ?? '?'}[${end.process.pid}] ${user}@${end.host.id}`);
}

/** `192.0.2.1:443` or `[2001:db8::1]:443`. */
export function endpointText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
