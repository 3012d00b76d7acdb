import type { ProcFiles } from '../proc-files.js';
import { defineTable } from './sensor-table.js';

const ROOT = '/proc/sys';

/** The kernel's settings (sysctl(8)) as they are, and as the configuration wants them. */
export const systemControls = defineTable({
  name: 'system_controls',
  columns: {
    name: 'TEXT',
    oid: 'TEXT',
    subsystem: 'TEXT',
    current_value: 'TEXT',
    config_value: 'TEXT',
    type: 'TEXT',
  },
  keys: ['name'],
  *rows({ files, constraint }) {
    const wanted = configuration(files);
    const names = constraint === undefined ? controls(files, '') : [String(constraint.value)];
    for (const name of names) {
      const value = files.text(`${ROOT}/${exchanged(name)}`);
      if (value === undefined) continue;
      const subsystem = name.split('.', 1)[0];
      yield {
        name,
        oid: '',
        subsystem,
        current_value: value.trim(),
        config_value: wanted.get(name) ?? '',
        type: 'string',
      };
    }
  },
});

/** In a name dots and slashes have changed places: `net.ipv4.conf.eth0/5.forwarding` is of the interface eth0.5. */
function exchanged(text: string): string {
  return text.replace(/[./]/g, (letter) => (letter === '.' ? '/' : '.'));
}

/** A folder cannot be read as a file, and a file has no names in it. */
function* controls(files: ProcFiles, folder: string): Generator<string> {
  for (const name of files.names(`${ROOT}/${folder}`) ?? []) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (files.names(`${ROOT}/${path}`) === undefined) yield exchanged(path);
    else yield* controls(files, path);
  }
}

/** The last file that sets a name wins. */
function configuration(files: ProcFiles): ReadonlyMap<string, string> {
  const folders = ['/usr/lib/sysctl.d', '/etc/sysctl.d'];
  const paths = folders.flatMap((folder) => (files.names(folder) ?? []).sort().map((name) => `${folder}/${name}`));
  const values = new Map<string, string>();
  for (const path of [...paths, '/etc/sysctl.conf']) {
    for (const [name, value] of parseSysctl(files.text(path) ?? '')) values.set(name, value);
  }
  return values;
}

/** The lines of sysctl.conf(5). Where the first separator is a slash, the name is a path. */
export function parseSysctl(text: string): [name: string, value: string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const at = line.indexOf('=');
    const written = line.slice(0, at).trim().replace(/^-/, '');
    if (at < 0 || /^\s*[#;]/.test(line) || written === '') return [];
    const isPath = /^[^./]*\//.test(written);
    return [[isPath ? exchanged(written) : written, line.slice(at + 1).trim()]];
  });
}
