import './pipeline/early-decode-worker.js';
import './program.js';
