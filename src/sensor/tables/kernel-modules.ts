import { defineTable } from './sensor-table.js';

/** The loaded modules of the kernel. Addresses are zero for all but root. */
export const kernelModules = defineTable({
  name: 'kernel_modules',
  columns: { name: 'TEXT', size: 'BIGINT', used_by: 'TEXT', status: 'TEXT', address: 'TEXT' },
  rows: ({ files }) =>
    (files.text('/proc/modules') ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [name, size, , usedBy = '-', status, address] = line.split(' ');
        return { name, size: Number(size), used_by: usedBy.replace(/,$/, ''), status, address };
      }),
});
