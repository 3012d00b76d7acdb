import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Enrolments } from '../../src/server/enrolments.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'enrolments-'));
  path = join(folder, 'enrolments');
});
afterEach(() => rmSync(folder, { recursive: true }));

function withFile(use: (enrolments: Enrolments) => void): void {
  const enrolments = new Enrolments(path);
  try {
    use(enrolments);
  } finally {
    enrolments.close();
  }
}

describe('enrolments in a file', () => {
  it('are there after a restart, those that were freed are not', () => {
    withFile((enrolments) => {
      expect(enrolments.check('web', 'token of web')).toBe(true);
      expect(enrolments.check('db', 'token of db')).toBe(true);
      expect(enrolments.forget('db')).toBe(true);
    });
    withFile((enrolments) => {
      expect(enrolments.size).toBe(1);
      expect(enrolments.check('web', 'another token')).toBe(false);
      expect(enrolments.check('db', 'another token')).toBe(true);
    });
    expect(readFileSync(path, 'utf8')).not.toContain('token');
  });

  it('may end in a line that a machine that stopped has not written to its end', () => {
    withFile((enrolments) => enrolments.check('web', 'token of web'));
    writeFileSync(path, '{"host":"db","ha', { flag: 'a' });
    withFile((enrolments) => {
      expect(enrolments.size).toBe(1);
      expect(enrolments.check('web', 'another token')).toBe(false);
    });
  });

  it('are not looked for in a file of something else, which stays as it is', () => {
    for (const text of ['root:x:0:0\ndaemon:x:1:1\n', '{"host":"web","hash":"short"}\n', '\n{}\n']) {
      writeFileSync(path, text);
      expect(() => new Enrolments(path)).toThrow(
        expect.objectContaining({
          code: 'LISTEN_FAILED',
          message: expect.stringMatching(/: line [12] is no enrolment$/),
        }),
      );
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('are not kept in a pipe, which would be waited for, nor in a folder', () => {
    execFileSync('mkfifo', [path]);
    const refusal = expect.objectContaining({
      code: 'LISTEN_FAILED',
      message: expect.stringMatching(/no ordinary file$/),
    });
    expect(() => new Enrolments(path)).toThrow(refusal);
    expect(() => new Enrolments(folder)).toThrow(refusal);
  });
});
