import { readyDecodeWorker } from './ready-decode-worker.js';

// Imported before the rest of the program, so that the thread starts while that loads.
readyDecodeWorker(process.argv);
