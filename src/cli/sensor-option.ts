import { Option } from 'commander';
import { sensorChoices } from '../sensor/sensor-method.js';

/** `--sensor`, of every command that watches this host. */
export function sensorOption(): Option {
  return new Option('--sensor <HOW>', 'how to watch this host: eBPF, polling /proc, or what can be had')
    .choices([...sensorChoices])
    .default('auto');
}
