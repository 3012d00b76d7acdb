/** A log as a reader of Zeek's ASCII format finds it: it believes the header alone. */
export interface ReadLog {
  readonly header: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

function bytesOf(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; ) {
    const hex = /^\\x([0-9a-f]{2})/.exec(text.slice(i, i + 4));
    if (hex !== null) {
      bytes.push(Number.parseInt(hex[1]!, 16));
      i += 4;
    } else if (text.startsWith('\\\\', i)) {
      bytes.push(0x5c);
      i += 2;
    } else {
      const character = String.fromCodePoint(text.codePointAt(i)!);
      bytes.push(...Buffer.from(character));
      i += character.length;
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Reads one ASCII log; unset fields are left out, times and lengths of time are in microseconds. */
export function readZeekLog(text: string): ReadLog {
  const header: Record<string, string> = {};
  const rows: Record<string, unknown>[] = [];
  let separator = '';
  let fields: string[] = [];
  let types: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('#separator ')) separator = bytesOf(line.slice('#separator '.length));
    else if (line.startsWith('#')) {
      const [name = '', ...values] = line.slice(1).split(separator);
      if (name === 'fields') fields = values;
      else if (name === 'types') types = values;
      else header[name] = values.join(separator);
    } else if (line !== '') {
      const cells = line.split(separator);
      if (cells.length !== fields.length) throw new Error(`${cells.length} cells of ${fields.length} in ${line}`);
      const row: Record<string, unknown> = {};
      for (const [i, cell] of cells.entries()) {
        if (cell !== header.unset_field) row[fields[i]!] = cellValue(cell, types[i]!, header);
      }
      rows.push(row);
    }
  }
  return { header, fields, types, rows };
}

function cellValue(cell: string, type: string, header: Readonly<Record<string, string>>): unknown {
  const textOf = (part: string) => (part === header.empty_field ? '' : bytesOf(part));
  switch (type) {
    case 'bool':
      return cell === 'T';
    case 'time':
    case 'interval': {
      const [, sign, whole, rest] = /^(-?)(\d+)\.(\d{6})$/.exec(cell)!;
      return (sign === '-' ? -1 : 1) * (Number(whole) * 1_000_000 + Number(rest));
    }
    case 'port':
    case 'count':
    case 'int':
      return Number(cell);
    case 'set[string]':
      return cell === header.empty_field ? [] : cell.split(header.set_separator!).map(textOf);
    default:
      return textOf(cell);
  }
}
