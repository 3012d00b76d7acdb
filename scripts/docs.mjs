// Writes the reference pages and JSON Schemas that are generated from the source, into docs/:
//   node scripts/docs.mjs          write them
//   node scripts/docs.mjs --check  fail when a committed page is another one
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const load = (file) => import(new URL(`../dist/${file}.js`, import.meta.url).href);

/** Objects without a word about further fields allow none, so that an undocumented field is a mistake that shows. */
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  if (copy.type === 'object' && copy.properties !== undefined && copy.additionalProperties === undefined) {
    copy.additionalProperties = false;
  }
  return copy;
}

function schemaText(schema) {
  const { $id, ...rest } = closed(JSON.parse(JSON.stringify(schema)));
  // A schema within a schema must not carry an id of its own.
  const text = JSON.stringify(rest, (key, value) => (key === '$id' ? undefined : value), 2);
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', $id: `${$id}.schema.json` }, null, 2).slice(0, -2)},${text.slice(1)}\n`;
}

function typeOf(field) {
  if (field.enum !== undefined || field.const !== undefined) return 'string';
  if (field.anyOf === undefined) return field.type;
  return [...new Set(field.anyOf.map(typeOf))].join(' or ');
}

/** Its members as rows, those of an object within it as `process.pid`, those of a list's entries as `candidates[].tie`. */
function fieldRows(schema, prefix = '') {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).flatMap(([name, field]) => {
    const values = field.const === undefined ? (field.enum ?? []) : [field.const];
    const meaning = [field.description, values.length > 0 && values.map((value) => `\`${value}\``).join(', ')];
    const presence = required.has(name) ? 'always' : 'when known';
    const row = `| \`${prefix}${name}\` | ${typeOf(field)} | ${presence} | ${meaning.filter(Boolean).join(' ')} |`;
    if (field.type === 'array' && field.items.properties)
      return [row, ...fieldRows(field.items, `${prefix}${name}[].`)];
    return field.properties === undefined ? [row] : [row, ...fieldRows(field, `${prefix}${name}.`)];
  });
}

function fieldTable(schema) {
  return ['| field | type | present | meaning |', '| --- | --- | --- | --- |', ...fieldRows(schema)].join('\n');
}

/** The candidates of an end are told as owners are: what both have stands once. */
function endTables({ anyOf }) {
  const [owner] = anyOf.filter(({ properties }) => properties.process !== undefined);
  return anyOf
    .map((end) => {
      const { candidates, ...properties } = end.properties;
      if (candidates === undefined) return end;
      const own = Object.entries(candidates.items.properties).filter(([name]) => !(name in owner.properties));
      const items = { ...candidates.items, properties: Object.fromEntries(own) };
      const description = 'Each has what an attributed end tells of its owner, and besides:';
      return { ...end, properties: { ...properties, candidates: { ...candidates, items, description } } };
    })
    .map((end) => `### ${end.properties.state.const}\n\n${fieldTable(end)}`)
    .join('\n\n');
}

function meaningTable(what, meanings) {
  const rows = Object.entries(meanings).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return [`| ${what} | meaning |`, '| --- | --- |', ...rows].join('\n');
}

function zeekTable({ fields }) {
  const rows = fields.map(({ name, type, description }) => `| \`${name}\` | ${type} | ${description} |`);
  return ['| column | type | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

const recordsIntroduction = `# Records

The fields of an attributed connection (\`--connections\`), one JSON line each. Times are epoch seconds with six decimals, lengths of time are seconds.
The same as JSON Schemas: [connections](schemas/attributed-connection.schema.json), and alerts: [ecs-alert](schemas/ecs-alert.schema.json).`;

const endsIntroduction = `## Ends

\`orig\` and \`resp\` say in \`state\` how much is known of who owns the end: one process, several that it may be, nobody yet, or nobody and why.`;

const zeekIntroduction = `# Zeek's logs

\`--zeek-logs DIR\` writes these files into DIR, in the form of Zeek's ASCII logs (\`--zeek-format tsv\`, the default) or of its JSON logs
(\`--zeek-format json\`). They can be read by what reads Zeek's.

* A connection has one line, as in Zeek: with what was known of its owners when it ended. Over files and with \`--final-only\` that is final.
  Otherwise host rows that come later do not change it; the lines of \`--connections\` with cause \`evidence\` do.
* \`#open\` and \`#close\` are times of the traffic in UTC (start of the first line, latest end), not of a clock.
* Text is UTF-8; control characters are written as \`\\xNN\` and a backslash twice. Unset is \`-\`, empty is \`(empty)\`. In JSON unset columns are left out.
* Files of an earlier run are overwritten. A log without a line is not there. SIGHUP ends a file that was moved away and begins it anew, with a header; one in its place goes on.
* Each weird is reported once in ten minutes for a pair of endpoints or of addresses, those about checksums once a day for an originator; which ones are not
  reported at all, and the rest of these rules, are those of Zeek. The counts of the summary have every one.
* \`local_orig\` and \`local_resp\` follow Zeek's default: private, shared, link-local, documentation and other addresses that are not routed on the internet.`;

const tablesIntroduction = `# Tables of a host

What \`correlate query\` can ask, in osquery's SQL dialect (SQLite) and with osquery's columns on Linux. Everything is read when it is asked for. Columns in
*italics* are hidden: \`SELECT *\` leaves them out. A table that needs a condition is asked with \`=\`, \`IN\`, a join or \`LIKE\` on one of the columns named; in its patterns \`%\`
is any text within one name and \`%%\` any number of folders. A socket that several processes hold has a row for each of them (in osquery for one of them).
Besides SQLite's own functions there are \`split\`, \`regex_split\`, \`regex_match\`, \`inet_aton\`, \`in_cidr_block\`, \`community_id_v1\`, \`to_base64\`, \`from_base64\`,
\`conditional_to_base64\`, \`md5\`, \`sha1\` and \`sha256\`.`;

function hostTable({ name, columns, hidden, required }) {
  const texts = Object.entries(columns).map(([column, type]) => {
    const text = `${column} ${type}`;
    return hidden.includes(column) ? `*${text}*` : text;
  });
  const need = required.length === 0 ? '' : `\n\nNeeds a condition on ${required.join(' or ')}.`;
  return `## ${name}\n\n${texts.join(', ')}${need}\n`;
}

const timeoutsIntroduction = `# Timeouts

\`--timeouts FILE\` takes a YAML file with any of these names; the others keep Zeek's defaults. A value is a number of seconds or has one of Zeek's units
(\`usec\`, \`msec\`, \`sec\`, \`min\`, \`hr\`, \`day\`, also in the plural):

    tcp_inactivity_timeout: 10 min
    udp_inactivity_timeout: 30
    port_inactivity_timeouts: { 22/tcp: 2 hrs, 3389/tcp: 1 hr }`;

export async function pages() {
  const { tables } = await load('sensor/tables/registry');
  const { attributedConnectionSchema, endSchema, methodMeanings } = await load('records/attributed-connection');
  const { reasonMeanings } = await load('records/reason');
  const { ecsAlertSchema } = await load('outputs/alert-ecs-schema');
  const { errorCodes } = await load('core/errors');
  const { zeekLogKinds } = await load('outputs/zeek-logs');
  const { timeoutTable } = await load('conn/timeouts');
  const timeouts = Object.entries(timeoutTable).map(
    ([name, { seconds, meaning }]) => `| \`${name}\` | ${seconds} s | ${meaning} |`,
  );
  const zeekLogs = Object.entries(zeekLogKinds).map(([path, kind]) => `## ${path}.log\n\n${zeekTable(kind)}\n`);
  return {
    'docs/schemas/attributed-connection.schema.json': schemaText(attributedConnectionSchema),
    'docs/schemas/ecs-alert.schema.json': schemaText(ecsAlertSchema),
    'docs/errors.md': `# Error codes\n\nEach failure and warning carries one of these codes; they stay the same between versions.\n\n${meaningTable('code', errorCodes)}\n`,
    'docs/zeek-logs.md': `${zeekIntroduction}\n\n${zeekLogs.join('\n')}`,
    'docs/tables.md': `${tablesIntroduction}\n\n${tables.map(hostTable).join('\n')}`,
    'docs/timeouts.md': `${timeoutsIntroduction}\n\n| name | default | what it ends |\n| --- | --- | --- |\n${timeouts.join('\n')}\n| \`port_inactivity_timeouts\` | 1 hr for 21, 22, 23 and 513/tcp | In place of tcp_inactivity_timeout where a SYN was answered from the port; replaces all ports. |\n`,
    'docs/records.md': `${recordsIntroduction}\n\n${fieldTable(attributedConnectionSchema)}\n\n${endsIntroduction}\n\n${endTables(endSchema)}\n\n## Methods\n\n${meaningTable('method', methodMeanings)}\n\n## Reasons\n\n${meaningTable('reason', reasonMeanings)}\n`,
  };
}

const check = process.argv.includes('--check');
let stale = 0;
for (const [file, text] of Object.entries(await pages())) {
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (check) {
    console.error(`${file} is not what the source says; run: npm run docs`);
    stale++;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${file}`);
  }
}
process.exit(stale > 0 ? 1 : 0);
