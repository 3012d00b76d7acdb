import { machine } from 'node:os';
import { defineTable } from './sensor-table.js';

/** The installed system, from os-release(5). */
export const osVersion = defineTable({
  name: 'os_version',
  columns: {
    name: 'TEXT',
    version: 'TEXT',
    major: 'INTEGER',
    minor: 'INTEGER',
    patch: 'INTEGER',
    build: 'TEXT',
    platform: 'TEXT',
    platform_like: 'TEXT',
    codename: 'TEXT',
    arch: 'TEXT',
    pid_with_namespace: 'INTEGER',
    mount_namespace_id: 'TEXT',
  },
  hidden: ['pid_with_namespace', 'mount_namespace_id'],
  rows({ files }) {
    const release = parseOsRelease(files.text('/etc/os-release') ?? files.text('/usr/lib/os-release') ?? '');
    const id = release.get('VERSION_ID') ?? '';
    const [major = 0, minor = 0, patch = 0] = id.split('.').map((part) => Number.parseInt(part, 10) || 0);
    return [
      {
        name: release.get('NAME'),
        version: release.get('VERSION') ?? id,
        major,
        minor,
        patch,
        build: release.get('BUILD_ID'),
        platform: release.get('ID'),
        platform_like: release.get('ID_LIKE'),
        codename: release.get('VERSION_CODENAME'),
        arch: machine(),
        pid_with_namespace: 0,
      },
    ];
  },
});

/** Shell assignments without substitution: names to values, with quotes and backslashes taken away. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)) {
    const quoted = /^"(.*)"$|^'(.*)'$/.exec(value!.trim());
    values.set(name!, (quoted?.[1] ?? quoted?.[2] ?? value!.trim()).replace(/\\(.)/g, '$1'));
  }
  return values;
}
