import { describe, expect, test } from 'vitest';
import { matcherOf } from './rule-text.js';

interface Case {
  readonly name: string;
  readonly detection: string;
  readonly matches?: readonly object[];
  readonly misses?: readonly object[];
}

/** A detection of one search. */
const only = (search: string): string => `selection:\n${search.replace(/^(?=.)/gm, '  ')}\ncondition: selection`;
const item = (text: string): string => only(text);

const cases: readonly Case[] = [
  // plain values
  {
    name: 'text is compared as a whole and without case',
    detection: item('Image: /bin/Bash'),
    matches: [{ Image: '/BIN/bash' }],
    misses: [{ Image: '/bin/bash2' }, { Image: 'x/bin/bash' }, { image: '/bin/bash' }, {}, { Image: '' }],
  },
  {
    name: 'letters beyond ASCII have no case either',
    detection: item('User: JÜRGEN'),
    matches: [{ User: 'jürgen' }],
    misses: [{ User: 'jurgen' }],
  },
  {
    name: '* stands for any text, also none',
    detection: item("Image: '/opt/*/bin'"),
    matches: [{ Image: '/opt/a/bin' }, { Image: '/opt//bin' }, { Image: '/opt/a/b/bin' }],
    misses: [{ Image: '/opt/bin' }],
  },
  {
    name: '? stands for exactly one character, also one beyond 16 bits',
    detection: item("Image: 'prog?.exe'"),
    matches: [{ Image: 'progA.exe' }, { Image: 'prog😀.exe' }],
    misses: [{ Image: 'prog.exe' }, { Image: 'progAB.exe' }],
  },
  {
    name: 'several * go back as far as needed',
    detection: item("A: '*a*b?c*'"),
    matches: [{ A: 'xaxbxbyc' }, { A: 'abxc' }],
    misses: [{ A: 'abc' }, { A: 'bxca' }],
  },
  {
    name: '\\* and \\? are the characters themselves',
    detection: item("A: 'a\\*b\\?'"),
    matches: [{ A: 'a*b?' }],
    misses: [{ A: 'axb?' }, { A: 'a*bc' }, { A: 'a\\*b\\?' }],
  },
  {
    name: '\\\\ is one backslash',
    detection: item("A: 'a\\\\b'"),
    matches: [{ A: 'a\\b' }],
    misses: [{ A: 'a\\\\b' }],
  },
  {
    name: '\\ before any other character stays',
    detection: item("Image: 'C:\\Windows\\x'"),
    matches: [{ Image: 'c:\\windows\\X' }],
  },
  {
    name: '\\\\* is a backslash and then anything',
    detection: item("A: 'a\\\\*'"),
    matches: [{ A: 'a\\' }, { A: 'a\\b' }],
    misses: [{ A: 'ab' }, { A: 'a' }],
  },
  {
    name: '\\\\\\* is a backslash and a star',
    detection: item("A: 'a\\\\\\*'"),
    matches: [{ A: 'a\\*' }],
    misses: [{ A: 'a\\b' }, { A: 'a\\' }],
  },
  {
    name: 'four backslashes, and three, are two',
    detection: item("A: ['a\\\\\\\\b', 'c\\\\\\d']"),
    matches: [{ A: 'a\\\\b' }, { A: 'c\\\\d' }],
    misses: [{ A: 'a\\b' }, { A: 'c\\d' }],
  },
  {
    name: 'a number equals itself and its text',
    detection: item('DestinationPort: 443'),
    matches: [{ DestinationPort: 443 }, { DestinationPort: '443' }],
    misses: [{ DestinationPort: 4430 }, { DestinationPort: '4430' }, { DestinationPort: 'x443' }, {}],
  },
  {
    name: 'a number in quotes matches a number',
    detection: item("DestinationPort: '443'"),
    matches: [{ DestinationPort: 443 }, { DestinationPort: '443' }],
    misses: [{ DestinationPort: 44 }],
  },
  {
    name: 'true matches the word in any case',
    detection: item('Initiated: true'),
    matches: [{ Initiated: true }, { Initiated: 'True' }],
    misses: [{ Initiated: false }, { Initiated: 1 }, {}],
  },
  {
    name: 'a list under a field is OR',
    detection: item('A:\n  - x\n  - 2'),
    matches: [{ A: 'x' }, { A: 2 }],
    misses: [{ A: 'y' }],
  },
  {
    name: 'a map is AND and a list of maps is OR',
    detection: only('- A: x\n  B: y\n- C: z'),
    matches: [{ A: 'x', B: 'y' }, { C: 'z' }],
    misses: [{ A: 'x' }, { B: 'y' }],
  },
  {
    name: 'any value of a field that has several will do',
    detection: item('A: x'),
    matches: [{ A: ['y', 'X'] }],
    misses: [{ A: ['y'] }, { A: [] }, { A: { x: 'x' } }],
  },
  {
    name: 'a dotted name is a key first and a path otherwise',
    detection: item('id.orig_h: 192.0.2.1'),
    matches: [{ 'id.orig_h': '192.0.2.1' }, { id: { orig_h: '192.0.2.1' } }],
    misses: [{ 'id.orig_h': '192.0.2.2', id: { orig_h: '192.0.2.1' } }, { id: {} }],
  },
  // null, empty, exists
  {
    name: 'null matches a missing field and a null',
    detection: item('A: null'),
    matches: [{}, { A: null }],
    misses: [{ A: '' }, { A: 0 }],
  },
  { name: 'a value left out is null', detection: item('A:'), matches: [{}], misses: [{ A: 'x' }] },
  { name: 'an empty list is null', detection: item('A: []'), matches: [{}, { A: null }], misses: [{ A: 'x' }] },
  {
    name: "'' matches the empty text alone",
    detection: item("A: ''"),
    matches: [{ A: '' }],
    misses: [{}, { A: ' ' }, { A: null }],
  },
  {
    name: '* does not match a missing field',
    detection: item("A: '*'"),
    matches: [{ A: '' }, { A: 0 }],
    misses: [{}, { A: null }],
  },
  {
    name: 'exists asks for presence alone',
    detection: item('A|exists: true'),
    matches: [{ A: '' }, { A: null }, { A: 1 }],
    misses: [{}, { B: 1 }],
  },
  { name: 'exists: false', detection: item('A|exists: false'), matches: [{}], misses: [{ A: null }] },
  {
    name: 'the negation of a filter on a missing field is true',
    detection: 'selection:\n  A: x\nfilter:\n  B: y\ncondition: selection and not filter',
    matches: [{ A: 'x' }],
    misses: [{ A: 'x', B: 'y' }],
  },
  // modifiers
  {
    name: 'contains keeps the wildcards of the text',
    detection: item("A|contains: 'b*d'"),
    matches: [{ A: 'abcde' }, { A: 'bd' }],
    misses: [{ A: 'adcb' }],
  },
  {
    name: 'startswith',
    detection: item('A|startswith: ab'),
    matches: [{ A: 'ABC' }, { A: 'ab' }],
    misses: [{ A: 'cab' }],
  },
  {
    name: 'endswith',
    detection: item("A|endswith: '\\cmd.exe'"),
    matches: [{ A: 'C:\\CMD.exe' }],
    misses: [{ A: 'cmd.exe' }],
  },
  {
    name: 'contains takes a number',
    detection: item('A|contains: 80'),
    matches: [{ A: 8080 }, { A: '180' }],
    misses: [{ A: 8 }],
  },
  {
    name: 'contains|all is AND over the list',
    detection: item('A|contains|all:\n  - x\n  - y'),
    matches: [{ A: 'yx' }],
    misses: [{ A: 'x' }],
  },
  { name: 'all takes a single value', detection: item('A|contains|all: x'), matches: [{ A: 'ax' }] },
  {
    name: 'cased is with case and with wildcards',
    detection: item("A|cased: 'Ab*'"),
    matches: [{ A: 'AbC' }],
    misses: [{ A: 'abC' }],
  },
  {
    name: 'contains|cased',
    detection: item('A|contains|cased: Ab'),
    matches: [{ A: 'xAbx' }],
    misses: [{ A: 'xabx' }],
  },
  {
    name: 're searches anywhere and with case',
    detection: item("A|re: 'b[0-9]+c'"),
    matches: [{ A: 'ab12cd' }],
    misses: [{ A: 'aB1c' }, {}],
  },
  {
    name: 're with anchors',
    detection: item("A|re: '^a.c$'"),
    matches: [{ A: 'abc' }],
    misses: [{ A: 'xabc' }, { A: 'a\nc' }],
  },
  {
    name: 're leaves backslashes alone',
    detection: item("A|re: '\\\\x\\.y'"),
    matches: [{ A: 'a\\x.y' }],
    misses: [{ A: 'a\\xzy' }],
  },
  { name: 're|i', detection: item("A|re|i: 'abc'"), matches: [{ A: 'xABCx' }] },
  {
    name: 're|m: ^ and $ at every line',
    detection: item("A|re|m: '^b$'"),
    matches: [{ A: 'a\nb\nc' }],
    misses: [{ A: 'ab' }],
  },
  { name: 're|s: . takes a line end', detection: item("A|re|s: 'a.c'"), matches: [{ A: 'a\nc' }] },
  { name: 're|i|s', detection: item("A|re|i|s: 'a.c'"), matches: [{ A: 'A\nC' }] },
  { name: 're looks at numbers as text', detection: item("A|re: '^44'"), matches: [{ A: 443 }] },
  {
    name: 're|contains changes nothing',
    detection: item("A|re|contains: 'b'"),
    matches: [{ A: 'abc' }],
    misses: [{ A: 'a' }],
  },
  { name: 're list with all', detection: item("A|re|all: ['a', 'b']"), matches: [{ A: 'ba' }], misses: [{ A: 'a' }] },
  { name: 're looks behind', detection: item("A|re: '(?<=x)y'"), matches: [{ A: 'xy' }], misses: [{ A: 'zy' }] },
  {
    name: 'cidr of version 4 takes mapped addresses',
    detection: item('A|cidr: 192.0.2.0/24'),
    matches: [{ A: '192.0.2.0' }, { A: '192.0.2.255' }, { A: '::ffff:192.0.2.7' }],
    misses: [{ A: '192.0.3.0' }, { A: '2001:db8::1' }, { A: 'c000:207::1' }, { A: 'no address' }, { A: 192 }, {}],
  },
  {
    name: 'cidr of version 6',
    detection: item("A|cidr: '2001:db8::/33'"),
    matches: [{ A: '2001:DB8::1' }, { A: '2001:db8:7fff::' }],
    misses: [{ A: '2001:db8:8000::' }, { A: '192.0.2.1' }],
  },
  {
    name: 'cidr of all',
    detection: item("A|cidr: ['0.0.0.0/0', '::/0']"),
    matches: [{ A: '203.0.113.9' }, { A: '::1' }],
  },
  {
    name: 'cidr of one address',
    detection: item('A|cidr: 192.0.2.1'),
    matches: [{ A: '192.0.2.1' }],
    misses: [{ A: '192.0.2.2' }],
  },
  {
    name: 'cidr in mapped spelling is version 4',
    detection: item("A|cidr: '::ffff:192.0.2.0/120'"),
    matches: [{ A: '192.0.2.9' }],
    misses: [{ A: '192.0.3.9' }],
  },
  {
    name: 'gt',
    detection: item('A|gt: 5'),
    matches: [{ A: 6 }, { A: '5.5' }],
    misses: [{ A: 5 }, { A: 'x' }, { A: '' }, {}],
  },
  { name: 'gte', detection: item('A|gte: 5'), matches: [{ A: 5 }, { A: '5' }], misses: [{ A: 4.9 }] },
  { name: 'lt', detection: item('A|lt: -1.5'), matches: [{ A: -2 }], misses: [{ A: -1.5 }, { A: 'x' }] },
  { name: 'lte', detection: item('A|lte: 5'), matches: [{ A: 5 }], misses: [{ A: 6 }, { A: null }] },
  {
    name: 'neq negates the item, so a missing field passes',
    detection: item('A|neq:\n  - x\n  - y'),
    matches: [{ A: 'z' }, {}],
    misses: [{ A: 'x' }, { A: 'Y' }],
  },
  { name: 'neq of null', detection: item('A|neq: null'), matches: [{ A: '' }], misses: [{}, { A: null }] },
  {
    name: 'fieldref compares without case',
    detection: item('A|fieldref: B'),
    matches: [
      { A: 'x', B: 'X' },
      { A: 1, B: '1' },
    ],
    misses: [{ A: 'x', B: 'y' }, { A: 'x' }, { B: 'x' }, {}],
  },
  {
    name: 'fieldref|startswith',
    detection: item('A|fieldref|startswith: B'),
    matches: [{ A: 'xyz', B: 'Xy' }],
    misses: [{ A: 'x', B: 'xy' }],
  },
  {
    name: 'fieldref|endswith',
    detection: item('A|fieldref|endswith: B'),
    matches: [{ A: 'xyz', B: 'yz' }],
    misses: [{ A: 'xyz', B: 'xy' }],
  },
  {
    name: 'fieldref|contains',
    detection: item('A|fieldref|contains: B'),
    matches: [{ A: 'xyz', B: 'y' }],
    misses: [{ A: 'xyz', B: 'a' }],
  },
  {
    name: 'fieldref|neq',
    detection: item('A|fieldref|neq: B'),
    matches: [{ A: 'x', B: 'y' }],
    misses: [{ A: 'x', B: 'x' }],
  },
  {
    name: 'fieldref|cased',
    detection: item('A|fieldref|cased: B'),
    matches: [{ A: 'x', B: 'x' }],
    misses: [{ A: 'x', B: 'X' }],
  },
  {
    name: 'windash takes every dash at the start of a word',
    detection: item("A|windash|contains: ' -enc'"),
    matches: [{ A: 'p -enc x' }, { A: 'p /enc' }, { A: 'p –ENC' }, { A: 'p —enc' }, { A: 'p ―enc' }],
    misses: [{ A: 'p enc' }, { A: 'p +enc' }],
  },
  {
    name: 'windash leaves a dash within a word alone',
    detection: item("A|contains|windash: 'a-b -c'"),
    matches: [{ A: 'a-b /c' }],
    misses: [{ A: 'a/b -c' }],
  },
  {
    name: 'base64',
    detection: item("A|base64|contains: 'foobar'"),
    matches: [{ A: 'x Zm9vYmFy y' }],
    misses: [{ A: 'foobar' }],
  },
  {
    name: 'base64offset finds the text at every offset',
    detection: item("A|base64offset|contains: 'http://'"),
    matches: ['', 'x', 'xy', 'xyz'].map((before) => ({ A: Buffer.from(`${before}http://a`).toString('base64') })),
    misses: [{ A: Buffer.from('https://a').toString('base64') }, { A: 'http://' }],
  },
  {
    name: 'wide|base64offset',
    detection: item("A|wide|base64offset|contains: 'ping'"),
    matches: ['', 'a', 'ab'].map((before) => ({ A: Buffer.from(`${before}ping!`, 'utf16le').toString('base64') })),
    misses: [{ A: Buffer.from('ping!').toString('base64') }],
  },
  {
    name: 'utf16le and utf16be',
    detection: 'le:\n  A|utf16le|base64: ab\nbe:\n  A|utf16be|base64: ab\ncondition: le or be',
    matches: [{ A: 'YQBiAA==' }, { A: 'AGEAYg==' }],
    misses: [{ A: 'YWI=' }],
  },
  { name: 'utf16 begins with a byte order mark', detection: item('A|utf16|base64: ab'), matches: [{ A: '//5hAGIA' }] },
  // keywords
  {
    name: 'a keyword is found anywhere in any leaf, without case',
    detection: 'keywords:\n  - sudo\n  - 4711\ncondition: keywords',
    matches: [{ A: 'ran SUDO su' }, { A: { B: ['x', 'sudo'] } }, { A: 47_110 }],
    misses: [{ A: 'su', B: 'do' }, { sudo: 'x' }, {}],
  },
  {
    name: 'all keywords, each in a leaf of its own',
    detection: "keywords:\n  '|all':\n    - a\n    - b\ncondition: keywords",
    matches: [{ X: 'a', Y: 'b' }, { X: 'ba' }],
    misses: [{ X: 'a' }],
  },
  {
    name: 'a keyword by itself',
    detection: 'k: sudo\ncondition: k',
    matches: [{ A: 'xsudox' }],
    misses: [{ A: 'su' }],
  },
  {
    name: 'a keyword as a regular expression',
    detection: "k:\n  '|re': 'a.c'\ncondition: k",
    matches: [{ A: 'xabcx' }],
    misses: [{ A: 'ac' }],
  },
  {
    name: 'keywords and maps in one list',
    detection: 'k:\n  - sudo\n  - A: x\ncondition: k',
    matches: [{ B: 'sudo' }, { A: 'x' }],
    misses: [{ A: 'xy' }],
  },
  // conditions
  {
    name: 'not binds tighter than and, and tighter than or',
    detection: 'a:\n  A: 1\nb:\n  B: 1\nc:\n  C: 1\ncondition: a or not b and c',
    matches: [{ A: 1 }, { C: 1 }, { A: 1, B: 1 }],
    misses: [{ B: 1, C: 1 }, {}, { B: 1 }],
  },
  {
    name: 'parentheses',
    detection: 'a:\n  A: 1\nb:\n  B: 1\nc:\n  C: 1\ncondition: (a or b) and not (c)',
    matches: [{ A: 1 }, { B: 1 }],
    misses: [{ A: 1, C: 1 }, {}],
  },
  { name: 'not not', detection: 'a:\n  A: 1\ncondition: not not a', matches: [{ A: 1 }], misses: [{}] },
  {
    name: 'words of the language in capitals',
    detection: 'a:\n  A: 1\nb:\n  B: 1\ncondition: a AND NOT b',
    matches: [{ A: 1 }],
    misses: [{ A: 1, B: 1 }],
  },
  {
    name: '1 of a pattern',
    detection: 'sel_a:\n  A: 1\nsel_b:\n  B: 1\nother:\n  C: 1\ncondition: 1 of sel_*',
    matches: [{ A: 1 }, { B: 1 }],
    misses: [{ C: 1 }],
  },
  {
    name: 'any of a pattern with * in the middle, all of one at the front',
    detection: 'x_one_y:\n  A: 1\nx_two_y:\n  B: 1\ncondition: any of x_*_y and all of *_y',
    matches: [{ A: 1, B: 1 }],
    misses: [{ A: 1 }],
  },
  {
    name: 'them leaves out names that begin with _',
    detection: '_a:\n  A: 1\nb:\n  B: 1\ncondition: 1 of them',
    matches: [{ B: 1 }],
    misses: [{ A: 1 }],
  },
  {
    name: 'all of them',
    detection: 'a:\n  A: 1\nb:\n  B: 1\ncondition: all of them',
    matches: [{ A: 1, B: 1 }],
    misses: [{ A: 1 }],
  },
  {
    name: 'a pattern leaves out names that begin with _',
    detection: '_a:\n  A: 1\nb_a:\n  B: 1\ncondition: 1 of *a',
    matches: [{ B: 1 }],
    misses: [{ A: 1 }],
  },
  {
    name: 'a pattern leaves out names that begin with _, unless it does itself',
    detection: '_a:\n  A: 1\nb_a:\n  B: 1\ncondition: 1 of *a and not 1 of _*',
    matches: [{ B: 1 }],
    misses: [{ A: 1 }, { A: 1, B: 1 }],
  },
  { name: 'of one name', detection: 'a:\n  A: 1\ncondition: 1 of a', matches: [{ A: 1 }], misses: [{}] },
  {
    name: 'not of a quantifier',
    detection: 'a:\n  A: 1\nf_1:\n  B: 1\nf_2:\n  C: 1\ncondition: a and not 1 of f_*',
    matches: [{ A: 1 }],
    misses: [
      { A: 1, B: 1 },
      { A: 1, C: 1 },
    ],
  },
  {
    name: 'a list of conditions is OR',
    detection: 'a:\n  A: 1\nb:\n  B: 1\ncondition:\n  - a\n  - b',
    matches: [{ A: 1 }, { B: 1 }],
    misses: [{}],
  },
  {
    name: 'a condition over several lines',
    detection: 'a:\n  A: 1\nb:\n  B: 1\ncondition: >\n  a\n  and b',
    matches: [{ A: 1, B: 1 }],
    misses: [{ A: 1 }],
  },
  {
    name: 'aliases of YAML',
    detection: 'a: &x\n  A: 1\nb:\n  - *x\n  - B: 1\ncondition: b',
    matches: [{ A: 1 }, { B: 1 }],
    misses: [{}],
  },
];

describe('a detection', () => {
  test.each(cases)('$name', ({ detection, matches = [], misses = [] }) => {
    const matcher = matcherOf(detection);
    expect(matches.length + misses.length).toBeGreaterThan(0);
    for (const event of matches) expect(matcher(event), JSON.stringify(event)).toBe(true);
    for (const event of misses) expect(matcher(event), JSON.stringify(event)).toBe(false);
  });
});

test('a hostile pattern and a hostile regular expression end in time', () => {
  const text = 'a'.repeat(20_000);
  expect(matcherOf(item(`A: '${'*a'.repeat(40)}*b'`))({ A: text })).toBe(false);
  expect(matcherOf(item("A|re: '(a+)+$'"))({ A: `${text}b` })).toBe(false);
});
