import { hostname } from 'node:os';
import { type Micros, SECOND } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { Weird } from '../records/weird.js';
import type { HostSensor } from '../sensor/host-sensor.js';
import type { SensorChoice } from '../sensor/sensor-method.js';
import type { LiveStart, LiveStats } from './live-messages.js';
import { LiveNetwork } from './live-network.js';
import type { LiveIntake } from './offline.js';

export interface LiveOptions {
  readonly network: Omit<LiveStart, 'weirds'>;
  /** Gets weirds one by one. Absent: they are only counted. */
  readonly onWeird?: (weird: Weird) => void;
  /** Watch this host too, under this id. */
  readonly localHost?: string;
  /** How; `auto` unless given. */
  readonly sensor?: SensorChoice;
}

/** A live run: everything is handed on as it happens, until `stop`. Without interfaces only hosts are watched. */
export class Live {
  readonly #network: LiveNetwork | undefined;
  readonly #sensor: HostSensor | undefined;

  private constructor(network: LiveNetwork | undefined, sensor: HostSensor | undefined) {
    this.#network = network;
    this.#sensor = sensor;
  }

  /** Resolves when host and interfaces are watched. */
  static async start(options: LiveOptions, intake: LiveIntake, warn: Warn): Promise<Live> {
    const sensor =
      options.localHost === undefined ? undefined : await watchHost(options.localHost, options, intake, warn);
    if (options.network.interfaces.length === 0) return new Live(undefined, sensor);
    try {
      const network = await LiveNetwork.start(
        { ...options.network, weirds: options.onWeird !== undefined },
        (updates, weirds, now) => {
          for (const update of updates) intake.connection(update, now);
          for (const weird of weirds) options.onWeird?.(weird);
          intake.advance(now);
        },
        warn,
      );
      return new Live(network, sensor);
    } catch (error) {
      await sensor?.stop();
      throw error;
    }
  }

  /** Resolves when every capture has ended, by `stop` or since its interface went away. */
  get finished(): Promise<void> {
    return this.#network?.finished ?? new Promise(() => {});
  }

  /** Ends the capture, hands over what is open, and takes a last look at the host, which may know owners of that. */
  async stop(): Promise<void> {
    this.#network?.stop();
    try {
      await this.#network?.finished;
    } finally {
      await this.#sensor?.stop();
    }
  }

  /** How this host is watched; absent when it is not. */
  get sensorMethod(): HostSensor['method'] | undefined {
    return this.#sensor?.method;
  }

  /** How long the capture thread has not reported, milliseconds; undefined when nothing is captured. */
  get captureSilence(): number | undefined {
    return this.#network && performance.now() - this.#network.heardAt;
  }

  get stats(): LiveStats | undefined {
    return this.#network?.stats;
  }
}

/** The clock that packets are stamped with, in whole milliseconds. */
export const wallClock = (): Micros => Date.now() * 1000;

/** The id of this host when the user gives none. */
export const localHostId = (): string => hostname();

/** The boot clock of kernel events is mapped to the clock of packets every 20 ms; in between the latter may be slewed. */
const CLOCK_ERR: Micros = 20;

async function watchHost(host: string, options: LiveOptions, intake: LiveIntake, warn: Warn): Promise<HostSensor> {
  // The sensor and the capture read one machine's clock, so there is nothing to measure.
  const from: Micros = Date.now() * 1000 - SECOND;
  for (const { name } of options.network.interfaces) {
    intake.row({ kind: 'clock', host, capture: name, offset: 0, err: CLOCK_ERR, from });
  }
  const { startHostSensor } = await import('../sensor/host-sensor.js');
  return startHostSensor(options.sensor ?? 'auto', {
    host,
    emit: (rows) => intake.rows(rows),
    warn,
  });
}
