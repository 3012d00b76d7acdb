import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = execFileSync('find', ['.', '-name', '*.md', '-not', '-path', '*/node_modules/*'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && !path.startsWith('./build/') && !path.startsWith('./.git/'))
  .map((path) => normalize(path));

/** The text without its code, in which nothing is a link. */
function prose(path: string): string {
  return readFileSync(join(root, path), 'utf8')
    .replace(/^```.*?^```/gms, '')
    .replace(/`[^`\n]*`/g, '');
}

/** Anchors as GitHub makes them of headings: lower case, no punctuation, hyphens for spaces. */
function anchors(path: string): Set<string> {
  const headings = [...readFileSync(join(root, path), 'utf8').matchAll(/^#+ +(.*)$/gm)];
  return new Set(
    headings.map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it.each(documents)('%s links to files and headings that are there', (path) => {
  const broken: string[] = [];
  for (const [, target] of prose(path).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [file, anchor] = target!.split('#') as [string, string?];
    const at = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(root, at))) broken.push(target!);
    else if (anchor !== undefined && !anchors(at).has(anchor)) broken.push(target!);
  }
  expect(broken).toEqual([]);
});
