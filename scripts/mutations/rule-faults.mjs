// Faults in reading and matching rules.

export const ruleFaults = [
  {
    name: 'filter-by-an-absent-field-untold',
    file: 'src/rules/rule-set.ts',
    find: 'problems.partial(detectionAt, message);',
    replace: '',
    tests: ['test/rules/rule-set.test.ts'],
  },
  {
    name: 'rule-file-of-two-names-read-twice',
    file: 'src/rules/rule-files.ts',
    find: 'return isNew;',
    replace: 'return true;',
    tests: ['test/rules/rule-files.test.ts'],
  },
  {
    name: 'rules-of-a-whole-disk-looked-for',
    file: 'src/rules/rule-files.ts',
    find: 'if (folders.size === ruleFolders)',
    replace: 'if (false)',
    tests: ['test/rules/rule-files.test.ts'],
  },
  {
    name: 'merge-key-over-own-field',
    file: 'src/rules/sigma/yaml-tree.ts',
    find: 'if (own.has(entry.key)) continue;',
    replace: '',
    tests: ['test/rules/sigma/odd-yaml.test.ts'],
  },
  {
    name: 'rule-negation-dropped',
    file: 'src/rules/sigma/compile.ts',
    find: 'return (event) => !matches(event);',
    replace: 'return (event) => matches(event);',
    tests: ['test/rules/sigma/matching.test.ts'],
  },
  {
    name: 'field-that-nobody-has-taken-for-one',
    file: 'src/rules/sigma/missing-fields.ts',
    find: 'return hasField(expression.field) ? undefined : true;',
    replace: 'return hasField(expression.field) ? undefined : false;',
    tests: ['test/rules/rule-set.test.ts'],
  },
];
