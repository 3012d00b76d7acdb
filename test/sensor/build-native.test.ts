import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('building the native sensor', () => {
  let project = '';

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'build-sensor-'));
    for (const name of ['build-native.mjs', 'native-flags.mjs'])
      cpSync(join(root, 'scripts', name), join(project, 'scripts', name));
    cpSync(join(root, 'native/sensor'), join(project, 'native/sensor'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  it('says what to install when there is no clang', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(project, 'scripts/build-native.mjs'), 'sensor'], {
      encoding: 'utf8',
      env: { PATH: project },
    });
    expect(status).toBe(1);
    expect(stderr).toContain('cannot run clang');
    expect(stderr).toContain('apt-get install -y g++ clang libbpf-dev');
    expect(existsSync(join(project, 'build/sensor.node'))).toBe(false);
  });
});
