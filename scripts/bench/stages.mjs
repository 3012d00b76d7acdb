// Where the join spends its time: samples of the profiler, each counted for the stage of the innermost function on its stack that belongs to one.
import { Session } from 'node:inspector';

const US = 1_000;
/** Microseconds between two samples. */
const INTERVAL = 500;

/** Functions by file and name; `*` stands for all others of a file. A function of none belongs to the stage that called it. */
const stages = {
  'rows: into the state of the host': { 'host-state': ['add', 'stream'] },
  'rows: what was kept is let go': { 'host-state': ['prune'] },
  'rows: what else': { attribution: ['row', '#hostOf'], 'host-state': ['complete'], 'stream-progress': ['complete'] },
  'connections: finding and entering': {
    attribution: ['connection', '#open', '#tupleOf', '#track', '#touch', '#captureOf', 'advance', '#tellTouched'],
    tracked: ['*'],
    moments: ['*'],
    'recent-connections': ['*'],
  },
  'connections: waiting': {
    waiting: ['*'],
    newcomers: ['*'],
    turns: ['*'],
    appointments: ['*'],
    heap: ['*'],
    agenda: ['*'],
  },
  'connections: deciding': {
    deciding: ['*'],
    'sole-call': ['*'],
    standing: ['*'],
    evaluation: ['*'],
    candidate: ['*'],
    match: ['*'],
    'owner-choice': ['*'],
    'host-knowledge': ['*'],
    'host-clocks': ['*'],
    'connection-view': ['*'],
    decided: ['*'],
  },
  'connections: who the owner was': { caller: ['*'], 'end-record': ['*'], 'owned-end': ['*'], decided: ['#endOf'] },
  'connections: what is told': { telling: ['*'], 'end-record': ['isSameEnd'] },
  'connections: writing lines': {
    'connection-json': ['*'],
    'line-buffer': ['*'],
    'owner-texts': ['*'],
    'process-json': ['*'],
  },
  'connections: letting go': { attribution: ['#close', '#evict', '#retire'] },
};
const collector = 'garbage collection';
const rest = 'what else';

const stageOf = new Map();
for (const [stage, files] of Object.entries(stages)) {
  for (const [file, names] of Object.entries(files)) for (const name of names) stageOf.set(`${file} ${name}`, stage);
}

/** Collects samples of what is run by `during`, and of nothing else. */
export class StageProfile {
  #session = new Session();
  #spans = [];

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.setSamplingInterval', { interval: INTERVAL });
    this.#post('Profiler.start');
  }

  during(work) {
    const from = process.hrtime.bigint();
    work();
    this.#spans.push([Number(from) / US, Number(process.hrtime.bigint()) / US]);
  }

  /** Share of each stage. */
  stop() {
    const { profile } = this.#post('Profiler.stop');
    this.#session.disconnect();
    const stageOfNode = stagesOf(profile);
    const sums = new Map([...Object.keys(stages), collector, rest].map((stage) => [stage, 0]));
    let time = profile.startTime;
    let span = 0;
    let all = 0;
    for (const [i, node] of profile.samples.entries()) {
      const before = time;
      time += profile.timeDeltas[i];
      while (span < this.#spans.length && this.#spans[span][1] <= before) span++;
      if (span === this.#spans.length) break;
      // The time since the sample before, as far as it lies in the span.
      const inside = Math.min(time, this.#spans[span][1]) - Math.max(before, this.#spans[span][0]);
      if (inside <= 0) continue;
      const stage = stageOfNode.get(node);
      sums.set(stage, sums.get(stage) + inside);
      all += inside;
    }
    return [...sums].map(([stage, sum]) => [stage, sum / all]);
  }

  #post(method, params) {
    let answer;
    this.#session.post(method, params, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}

function stagesOf({ nodes }) {
  const found = new Map();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node, outer) => {
    const { functionName, url } = node.callFrame;
    const file = url.slice(url.lastIndexOf('/') + 1).replace('.js', '');
    const own =
      functionName === '(garbage collector)'
        ? collector
        : (stageOf.get(`${file} ${functionName}`) ?? stageOf.get(`${file} *`));
    const stage = own ?? outer;
    found.set(node.id, stage);
    for (const child of node.children ?? []) visit(byId.get(child), stage);
  };
  visit(nodes[0], rest);
  return found;
}
