import { Agent } from '../agent/agent.js';
import type { AgentConfig } from '../agent/agent-config.js';
import { engineDialer } from '../agent/engine-address.js';
import { hostToken } from '../agent/host-token.js';
import { Journal } from '../agent/journal.js';
import { Redaction } from '../agent/redaction.js';
import { lockSpool } from '../agent/spool-lock.js';
import { CorrelateError, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { localHostId } from '../pipeline/live.js';
import type { HostRow } from '../records/host-row.js';
import { startHostSensor } from '../sensor/host-sensor.js';
import { sensorMethods } from '../sensor/sensor-method.js';
import { LocalDatabase } from '../sensor/sql/local-database.js';
import { tables } from '../sensor/tables/registry.js';
import type { Log } from './log.js';
import { onSignals } from './signals.js';
import { keepHeapSmall } from './small-heap.js';
import { version } from './version.js';

const DISK_BYTES = 256 << 20;
const MEMORY_BYTES = 64 << 20;

/** Watches this host until a signal ends it. Throws USAGE, CONFIG_OPEN_FAILED, CONFIG_MALFORMED or SPOOL_FAILED. */
export async function runAgent(config: AgentConfig, log: Log): Promise<void> {
  keepHeapSmall();
  const { server, spool } = config;
  if (server === undefined) throw new CorrelateError('USAGE', '--server is missing: where is the engine?');
  const host = config.hostId ?? localHostId();
  if (host.length > limits.hostNameChars) throw new CorrelateError('USAGE', '--host-id is too long');
  const dial = engineDialer({ ...config, server });
  const redaction = redactionOf(config);
  if (server.startsWith('ws:')) {
    log.warn({
      code: 'AGENT_INSECURE',
      message: 'ws:// is not encrypted: what this host tells can be read on the way',
    });
  }
  const database = new LocalDatabase({
    redact: { patterns: config.redact ?? [], useDefaults: config.redactDefaults ?? true },
    onRedacted: (count) => redaction.count(count),
  });
  const unlock = spool === undefined ? () => {} : lockSpool(spool);
  try {
    const journal = Journal.open({
      host,
      ...(spool !== undefined && { folder: spool }),
      maxBytes: config.spoolSize ?? (spool === undefined ? MEMORY_BYTES : DISK_BYTES),
      warn: log.warn,
    });
    const agent = new Agent({
      host,
      groups: config.groups ?? [],
      version: version(),
      dial,
      journal,
      token: hostToken(host, spool),
      redaction,
      database,
      tables: tables.map(({ name }) => name),
      sensor: async (emit) => {
        const take = (rows: HostRow[]): void => {
          database.take(rows);
          emit(rows);
        };
        const sensor = await startHostSensor(config.sensor ?? 'auto', {
          host,
          netns: config.netns ?? 'all',
          emit: take,
          warn: log.warn,
        });
        log.info(`this host is watched as ${host} ${sensorMethods[sensor.method]}`);
        return sensor;
      },
      warn: log.warn,
      info: log.info,
    });
    await agent.start();
    await new Promise<void>((resolve) => {
      onSignals({ stop: resolve, warn: log.warn });
    });
    await agent.stop('the agent ends');
  } finally {
    database.close();
    unlock();
  }
}

function redactionOf({ redact = [], redactDefaults = true }: AgentConfig): Redaction {
  try {
    return new Redaction(redact, redactDefaults);
  } catch (error) {
    throw new CorrelateError('CONFIG_MALFORMED', `redact: ${messageOf(error)}`, { cause: error });
  }
}
