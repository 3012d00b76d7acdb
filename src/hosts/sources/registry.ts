import { osqueryResults } from './osquery/results.js';
import { recording } from './recording.js';

/** The formats of host logs that are understood. A new one is one file (or folder) and one entry here. */
export const hostSources = [recording, osqueryResults] as const;
