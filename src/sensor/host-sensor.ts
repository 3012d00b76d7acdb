import { CorrelateError } from '../core/errors.js';
import type { HostRow } from '../records/host-row.js';
import { ConntrackWatch, conntrackStream } from './conntrack-watch.js';
import { EbpfSensor } from './ebpf-sensor.js';
import { NetlinkSensor } from './netlink-sensor.js';
import { PollSensor, type PollSensorOptions } from './poll-sensor.js';
import type { SensorChoice, SensorMethod } from './sensor-method.js';

/** What every sensor is given. `intervalMs` is for polling only. */
export type HostSensorOptions = Omit<PollSensorOptions, 'otherStreams' | 'dumps'>;

/** A watch on this machine that emits what it sees as host rows. */
export interface HostSensor {
  readonly method: SensorMethod;
  /** What cannot be seen, in sentences; each was told as SENSOR_LIMITED. */
  readonly degradation: string[];
  /** Resolves when the state at the start has been emitted. */
  start(): Promise<void>;
  /** Emits what is left, with a host_timeout at its end, and ends. */
  stop(): Promise<void>;
}

/**
 * Makes the sensor that was chosen and starts it. What `auto` and `poll` could not have is told as SENSOR_LIMITED, with the reason.
 * @throws CorrelateError of EbpfSensor.open where `ebpf` was asked for
 */
export async function startHostSensor(choice: SensorChoice, options: HostSensorOptions): Promise<HostSensor> {
  const translations = ConntrackWatch.open(options);
  if (translations === undefined) {
    const sensor = choice === 'ebpf' ? EbpfSensor.open(options) : bestSensor(choice, options);
    await sensor.start();
    return sensor;
  }
  const withStream = { ...options, emit: (rows: HostRow[]) => options.emit(rows.map(withTranslations)) };
  let sensor: HostSensor;
  try {
    sensor = choice === 'ebpf' ? EbpfSensor.open(withStream) : bestSensor(choice, withStream);
  } catch (error) {
    await translations.stop();
    throw error;
  }
  await sensor.start();
  translations.start();
  return new TranslatingSensor(sensor, translations);
}

/** The host tells of the connections that it translates too. */
function withTranslations(row: HostRow): HostRow {
  return row.kind === 'host' ? { ...row, streams: [...row.streams, conntrackStream] } : row;
}

/** A sensor with a watch on what the host translates beside it. */
class TranslatingSensor implements HostSensor {
  constructor(
    private readonly sensor: HostSensor,
    private readonly translations: ConntrackWatch,
  ) {}

  get method(): SensorMethod {
    return this.sensor.method;
  }

  get degradation(): string[] {
    return this.sensor.degradation;
  }

  start(): Promise<void> {
    return this.sensor.start();
  }

  async stop(): Promise<void> {
    await this.translations.stop();
    await this.sensor.stop();
  }
}

function bestSensor(choice: 'auto' | 'poll', options: HostSensorOptions): HostSensor {
  const limits: string[] = [];
  const attempt = (open: () => HostSensor, missing: (reason: string) => string): HostSensor | undefined => {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof CorrelateError)) throw error;
      limits.push(missing(error.message));
      return undefined;
    }
  };
  const sensor =
    (choice === 'auto'
      ? attempt(
          () => EbpfSensor.open(options),
          (reason) => `without eBPF (${reason}) connections that live for a few milliseconds are partly missed`,
        )
      : undefined) ??
    attempt(
      () => NetlinkSensor.open(options),
      (reason) =>
        `without process events (${reason}) /proc is polled, which misses what lives shorter than the time between two looks`,
    ) ??
    new PollSensor(options);
  for (const message of limits) {
    options.warn({ code: 'SENSOR_LIMITED', message });
    sensor.degradation.push(message);
  }
  return sensor;
}
