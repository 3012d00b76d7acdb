import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connectionSchema } from '../../src/records/connection.js';
import { networkFields, ownedConnectionFields, zeekFields } from '../../src/rules/sigma/connection-fields.js';
import { modifiers } from '../../src/rules/sigma/modifiers.js';

const words = new Set(readFileSync('rules/README.md', 'utf8').match(/(?<=`)[\w.]+(?=`)/g));

test('the page on rules names every field and every modifier that is evaluated', () => {
  const ends = [...zeekFields.keys()].filter((field) => !(field in connectionSchema.properties));
  const expected = [
    ...ownedConnectionFields.keys(),
    ...networkFields.keys(),
    ...ends.map((field) => field.replace(/^(orig|resp)_/, '')),
    ...Object.keys(modifiers).filter((name) => !('unsupported' in modifiers[name]!)),
  ];
  const aliases = ['multiline', 'dotall', 'ignorecase'];
  expect(expected.filter((word) => !words.has(word) && !aliases.includes(word))).toEqual([]);
});
