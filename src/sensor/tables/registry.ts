import { arpCache } from './arp-cache.js';
import { authorizedKeys } from './authorized-keys.js';
import { crontab } from './crontab.js';
import { dnsResolvers } from './dns-resolvers.js';
import { etcHosts } from './etc-hosts.js';
import { file } from './file.js';
import { groups } from './groups.js';
import { hash } from './hash.js';
import { interfaceAddresses } from './interface-addresses.js';
import { interfaceDetails } from './interface-details.js';
import { kernelInfo } from './kernel-info.js';
import { kernelModules } from './kernel-modules.js';
import { last } from './last.js';
import { listeningPorts } from './listening-ports.js';
import { loggedInUsers } from './logged-in-users.js';
import { mounts } from './mounts.js';
import { osVersion } from './os-version.js';
import { processEvents } from './process-events.js';
import { processMemoryMap } from './process-memory-map.js';
import { processNamespaces } from './process-namespaces.js';
import { processOpenFiles } from './process-open-files.js';
import { processOpenSockets } from './process-open-sockets.js';
import { processes } from './processes.js';
import { routes } from './routes.js';
import type { SensorTable } from './sensor-table.js';
import { socketEvents } from './socket-events.js';
import { suidBin } from './suid-bin.js';
import { systemControls } from './system-controls.js';
import { systemInfo } from './system-info.js';
import { time } from './time.js';
import { uptime } from './uptime.js';
import { userGroups } from './user-groups.js';
import { users } from './users.js';
/** Every table of this machine that can be asked with SQL. */
export const tables: readonly SensorTable[] = [
  arpCache,
  authorizedKeys,
  crontab,
  dnsResolvers,
  etcHosts,
  file,
  groups,
  hash,
  interfaceAddresses,
  interfaceDetails,
  kernelInfo,
  kernelModules,
  last,
  listeningPorts,
  loggedInUsers,
  mounts,
  osVersion,
  processEvents,
  processMemoryMap,
  processNamespaces,
  processOpenFiles,
  processOpenSockets,
  processes,
  routes,
  socketEvents,
  suidBin,
  systemControls,
  systemInfo,
  time,
  uptime,
  userGroups,
  users,
];
