import { CorrelateError } from '../core/errors.js';
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
  const sensor = choice === 'ebpf' ? EbpfSensor.open(options) : bestSensor(choice, options);
  await sensor.start();
  return sensor;
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
