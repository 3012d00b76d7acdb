import { CorrelateError } from '../core/errors.js';
import { EbpfSensor } from './ebpf-sensor.js';
import { PollSensor, type PollSensorOptions } from './poll-sensor.js';

/** How this machine is watched: by programs in the kernel, or by reading /proc again and again. */
export type SensorMethod = 'ebpf' | 'poll';
/** auto: eBPF where it can be had, else polling. */
export const sensorChoices = ['auto', 'ebpf', 'poll'] as const;
export type SensorChoice = (typeof sensorChoices)[number];

/** What every sensor is given. `intervalMs` is for polling only. */
export type HostSensorOptions = Omit<PollSensorOptions, 'otherStreams'>;

/** A watch on this machine that emits what it sees as host rows. */
export interface HostSensor {
  readonly method: SensorMethod;
  /** What cannot be seen, in sentences; each was told as SENSOR_LIMITED. */
  readonly degradation: readonly string[];
  /** Resolves when the state at the start has been emitted. */
  start(): Promise<void>;
  /** Emits what is left, with a host_timeout at its end, and ends. */
  stop(): Promise<void>;
}

/**
 * Makes the sensor that was chosen and starts it. When `auto` falls back to polling, the reason is told as SENSOR_LIMITED.
 * @throws CorrelateError of EbpfSensor.open where `ebpf` was asked for
 */
export async function startHostSensor(choice: SensorChoice, options: HostSensorOptions): Promise<HostSensor> {
  const sensor = choice === 'poll' ? new PollSensor(options) : openEbpf(choice, options);
  await sensor.start();
  return sensor;
}

function openEbpf(choice: 'auto' | 'ebpf', options: HostSensorOptions): HostSensor {
  try {
    return EbpfSensor.open(options);
  } catch (error) {
    if (choice === 'ebpf' || !(error instanceof CorrelateError)) throw error;
    const message = `without eBPF (${error.message}) /proc is polled, which misses what lives shorter than the time between two looks`;
    options.warn({ code: 'SENSOR_LIMITED', message });
    const sensor = new PollSensor(options);
    sensor.degradation.push(message);
    return sensor;
  }
}
