import { readyDecodeWorker } from './pipeline/ready-decode-worker.js';

readyDecodeWorker(process.argv);
await import('./program.js');
