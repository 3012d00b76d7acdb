import type { Command } from 'commander';
import { RecordingWriter } from '../hosts/recording-writer.js';
import { localHostId } from '../pipeline/live.js';
import { type SensorChoice, sensorMethods } from '../sensor/sensor-method.js';
import { createLog } from './log.js';
import { sensorOption } from './sensor-option.js';
import { onSignals } from './signals.js';
import { keepHeapSmall } from './small-heap.js';
import { waitingSeconds } from './values.js';

interface Flags {
  readonly hostId?: string;
  readonly duration?: number;
  readonly poll?: number;
  readonly sensor: SensorChoice;
}

/** `correlate record FILE`: writes what this host's sensor sees into a file that `--host-log` reads back. */
export function addRecordCommand(program: Command): void {
  program
    .command('record')
    .description("record this host's processes and sockets into a file for --host-log")
    .argument('<file>', 'where to write')
    .option('--host-id <ID>', "id of this host (default: the host's name)")
    .option('--duration <SECONDS>', 'stop after this long (default: at SIGINT or SIGTERM)', waitingSeconds)
    .addOption(sensorOption())
    .option('--poll <SECONDS>', 'time between two looks when polling (default: 0.1)', waitingSeconds)
    .action(async (file: string, flags: Flags) => {
      await record(file, flags);
    });
}

async function record(file: string, flags: Flags): Promise<void> {
  keepHeapSmall();
  const log = createLog({ json: false, quiet: false, verbose: false });
  const writer = new RecordingWriter(file);
  let stop!: () => void;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  onSignals({ stop, warn: log.warn });
  if (flags.duration !== undefined) setTimeout(stop, flags.duration / 1000);
  let rows = 0;
  const { startHostSensor } = await import('../sensor/host-sensor.js');
  const sensor = await startHostSensor(flags.sensor, {
    host: flags.hostId ?? localHostId(),
    ...(flags.poll !== undefined && { intervalMs: flags.poll / 1000 }),
    emit: (batch) => {
      writer.write(batch);
      if (writer.readerGone) stop();
      else rows += batch.length;
    },
    warn: log.warn,
  });
  log.info(`recording into ${file} (this host is watched ${sensorMethods[sensor.method]})`);
  await stopped;
  await sensor.stop();
  writer.close();
  log.info(`${rows} rows recorded`);
}
