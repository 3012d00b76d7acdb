import { parsePasswd } from '../user-table.js';
import { defineTable } from './sensor-table.js';

/** The keys that may log in over SSH, from the files in users' home folders (sshd(8)). */
export const authorizedKeys = defineTable({
  name: 'authorized_keys',
  columns: {
    uid: 'BIGINT',
    algorithm: 'TEXT',
    key: 'TEXT',
    options: 'TEXT',
    comment: 'TEXT',
    key_file: 'TEXT',
    pid_with_namespace: 'INTEGER',
  },
  hidden: ['pid_with_namespace'],
  *rows({ files }) {
    for (const { uid, directory } of parsePasswd(files.text('/etc/passwd') ?? '')) {
      for (const name of ['authorized_keys', 'authorized_keys2']) {
        const path = `${directory}/.ssh/${name}`;
        for (const key of parseAuthorizedKeys(files.text(path) ?? '')) {
          yield { uid, ...key, key_file: path, pid_with_namespace: 0 };
        }
      }
    }
  },
});

const ALGORITHM = /^(?:ssh-|ecdsa-|sk-)[\w@.-]+$/;

/** Options stand before the algorithm and may hold blanks within quotes. */
export function parseAuthorizedKeys(text: string) {
  return text.split('\n').flatMap((line) => {
    const words = line.trim().match(/(?:"(?:\\"|[^"])*"|[^\s"])+/g) ?? [];
    const at = ALGORITHM.test(words[0] ?? '') ? 0 : 1;
    const [algorithm = '', key, ...comment] = words.slice(at);
    if (!ALGORITHM.test(algorithm) || key === undefined) return [];
    return [{ algorithm, key, options: at === 0 ? '' : words[0], comment: comment.join(' ') }];
  });
}
