import { defineTable } from './sensor-table.js';

/** RES_RECURSE | RES_DEFNAMES | RES_DNSRCH of resolver(3), the C library's defaults. */
const DEFAULT_OPTIONS = 0x2c0;
const kinds: Readonly<Record<string, string>> = { nameserver: 'nameserver', search: 'search', sortlist: 'sortlist' };

/** Who resolves names, and search domains, from /etc/resolv.conf (resolv.conf(5)). */
export const dnsResolvers = defineTable({
  name: 'dns_resolvers',
  columns: {
    id: 'INTEGER',
    type: 'TEXT',
    address: 'TEXT',
    netmask: 'TEXT',
    options: 'BIGINT',
    pid_with_namespace: 'INTEGER',
  },
  hidden: ['pid_with_namespace'],
  rows: ({ files }) => parseResolvers(files.text('/etc/resolv.conf') ?? ''),
});

/** Each kind is numbered on its own. */
export function parseResolvers(text: string) {
  const next = new Map<string, number>();
  return text.split('\n').flatMap((line) => {
    const [keyword = '', ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    const type = kinds[keyword];
    if (type === undefined) return [];
    return values.map((value) => {
      const id = next.get(type) ?? 0;
      next.set(type, id + 1);
      const [address, netmask = type === 'nameserver' ? '32' : ''] = value.split('/');
      return { id, type, address, netmask, options: DEFAULT_OPTIONS, pid_with_namespace: 0 };
    });
  });
}
