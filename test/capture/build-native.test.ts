import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const canCompile =
  spawnSync('g++', ['-fsyntax-only', '-x', 'c++', '-'], { input: '#include <pcap/pcap.h>\n' }).status === 0;
const reason = canCompile ? '' : ' (skipped: no g++ or no libpcap headers)';

let project = '';

function build(compiler = 'g++') {
  const script = join(project, 'scripts/build-native.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'capture'], {
    encoding: 'utf8',
    env: { ...process.env, CXX: compiler },
  });
  return { status, stdout, stderr };
}

describe('building the native capture', () => {
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'build-native-'));
    for (const script of ['scripts/build-native.mjs', 'scripts/native-flags.mjs']) {
      cpSync(join(root, script), join(project, script));
    }
    cpSync(join(root, 'native/capture'), join(project, 'native/capture'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  it('says what to install when there is no compiler', () => {
    const { status, stderr } = build('no-such-compiler');
    expect(status).toBe(1);
    expect(stderr).toContain('cannot run no-such-compiler');
    expect(stderr).toContain('apt-get install -y g++ libpcap-dev');
    expect(existsSync(join(project, 'build/capture.node'))).toBe(false);
  });

  it.skipIf(!canCompile)(`happens only when a source is newer than what is built${reason}`, () => {
    const output = join(project, 'build/capture.node');
    expect(build()).toEqual({
      status: 0,
      stdout: 'build-native: g++ native/capture -> build/capture.node\n',
      stderr: '',
    });
    expect(build()).toEqual({ status: 0, stdout: '', stderr: '' });
    utimesSync(output, 0, 0);
    expect(build().stdout).toContain('build/capture.node');
    expect(readdirSync(join(project, 'build'))).toEqual(['capture.node']);
  });

  it.skipIf(!canCompile)(`fails with the compiler's words and leaves nothing half done${reason}`, () => {
    appendFileSync(join(project, 'native/capture/batch.cc'), '#error broken on purpose\n');
    const { status, stderr } = build();
    expect(status).toBe(1);
    expect(stderr).toContain('broken on purpose');
    expect(readdirSync(join(project, 'build'))).toEqual([]);
  });
});
