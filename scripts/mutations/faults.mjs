// The faults that `npm run mutate` injects. `find` occurs exactly once in `file`; `tests` are the fewest files that must notice.

import { agentFaults } from './agent-faults.mjs';
import { datagramFaults } from './datagram-faults.mjs';
import { engineFaults } from './engine-faults.mjs';
import { hostFaults } from './host-faults.mjs';
import { joinFaults } from './join-faults.mjs';
import { kernelFaults } from './kernel-faults.mjs';
import { matchFaults } from './match-faults.mjs';
import { namespaceFaults } from './namespace-faults.mjs';
import { outputFaults } from './output-faults.mjs';
import { ownerFaults } from './owner-faults.mjs';
import { packetFaults } from './packet-faults.mjs';
import { ruleFaults } from './rule-faults.mjs';
import { runFaults } from './run-faults.mjs';
import { sensorFaults } from './sensor-faults.mjs';
import { socketFaults } from './socket-faults.mjs';
import { tableFaults } from './table-faults.mjs';
import { translationFaults } from './translation-faults.mjs';
import { upheldFaults } from './upheld-faults.mjs';

export const faults = [
  ...packetFaults,
  ...kernelFaults,
  ...sensorFaults,
  ...hostFaults,
  ...socketFaults,
  ...tableFaults,
  ...matchFaults,
  ...ownerFaults,
  ...datagramFaults,
  ...translationFaults,
  ...namespaceFaults,
  ...joinFaults,
  ...upheldFaults,
  ...ruleFaults,
  ...runFaults,
  ...outputFaults,
  ...engineFaults,
  ...agentFaults,
];
