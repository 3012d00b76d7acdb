import { hostname, machine } from 'node:os';
import type { ProcFiles } from '../proc-files.js';
import { defineTable } from './sensor-table.js';

/** This machine. What its firmware tells (uuid, serials) is readable for root only. */
export const systemInfo = defineTable({
  name: 'system_info',
  columns: {
    hostname: 'TEXT',
    uuid: 'TEXT',
    cpu_type: 'TEXT',
    cpu_subtype: 'TEXT',
    cpu_brand: 'TEXT',
    cpu_physical_cores: 'INTEGER',
    cpu_logical_cores: 'INTEGER',
    cpu_sockets: 'INTEGER',
    cpu_microcode: 'TEXT',
    physical_memory: 'BIGINT',
    hardware_vendor: 'TEXT',
    hardware_model: 'TEXT',
    hardware_version: 'TEXT',
    hardware_serial: 'TEXT',
    board_vendor: 'TEXT',
    board_model: 'TEXT',
    board_version: 'TEXT',
    board_serial: 'TEXT',
    computer_name: 'TEXT',
    local_hostname: 'TEXT',
  },
  nocase: ['uuid'],
  rows({ files }) {
    const firmware = (name: string) => files.text(`/sys/class/dmi/id/${name}`)?.trim() ?? '';
    const memory = /^MemTotal:\s+(\d+) kB$/m.exec(files.text('/proc/meminfo') ?? '')?.[1];
    const name = hostname();
    return [
      {
        hostname: name,
        uuid: machineUuid(files),
        cpu_type: machine(),
        ...parseProcessors(files.text('/proc/cpuinfo') ?? ''),
        physical_memory: memory === undefined ? undefined : Number(memory) * 1024,
        hardware_vendor: firmware('sys_vendor'),
        hardware_model: firmware('product_name'),
        hardware_version: firmware('product_version'),
        hardware_serial: firmware('product_serial'),
        board_vendor: firmware('board_vendor'),
        board_model: firmware('board_name'),
        board_version: firmware('board_version'),
        board_serial: firmware('board_serial'),
        computer_name: name,
        local_hostname: name,
      },
    ];
  },
});

/** That of the firmware; else the id of the installed system (machine-id(5)) in the same form. */
function machineUuid(files: ProcFiles): string | undefined {
  const firmware = files.text('/sys/class/dmi/id/product_uuid')?.trim();
  if (firmware) return firmware.toUpperCase();
  const parts = /^(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})$/.exec(files.text('/etc/machine-id')?.trim() ?? '');
  return parts?.slice(1).join('-').toUpperCase();
}

/** What /proc/cpuinfo tells. Without topology, as on Arm, every logical processor counts as a core of one socket. */
export function parseProcessors(text: string) {
  const processors = text.split('\n\n').map((block) => {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    return fields;
  });
  const logical = processors.filter((fields) => fields.has('processor'));
  const cores = new Set(logical.map((fields) => `${fields.get('physical id')} ${fields.get('core id')}`));
  const sockets = new Set(logical.map((fields) => fields.get('physical id')));
  const first = logical[0];
  return {
    cpu_subtype: first?.get('model'),
    cpu_brand: first?.get('model name'),
    cpu_physical_cores: first?.has('core id') === true ? cores.size : logical.length,
    cpu_logical_cores: logical.length,
    cpu_sockets: sockets.size,
    cpu_microcode: first?.get('microcode'),
  };
}
