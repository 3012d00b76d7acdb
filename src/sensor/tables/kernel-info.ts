import { release } from 'node:os';
import { defineTable } from './sensor-table.js';

/** The running kernel. Path and device are those that its boot loader named. */
export const kernelInfo = defineTable({
  name: 'kernel_info',
  columns: { version: 'TEXT', arguments: 'TEXT', path: 'TEXT', device: 'TEXT' },
  rows: ({ files }) => [{ version: release(), ...parseKernelCommandLine(files.text('/proc/cmdline') ?? '') }],
});

/** What /proc/cmdline says, image and root device apart from the other arguments. */
export function parseKernelCommandLine(text: string) {
  const words = text.trim().split(/\s+/);
  const named = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const others = words.filter((word) => !/^(?:BOOT_IMAGE|root)=/.test(word));
  return { arguments: others.join(' '), path: named('BOOT_IMAGE'), device: named('root') };
}
