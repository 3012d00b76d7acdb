import { sensorMethods } from '../sensor/sensor-method.js';
import { type Score, total } from './score.js';
import type { KindResult, SelftestResult } from './selftest.js';
import type { StageKind } from './stage.js';

const stageTexts: Readonly<Record<StageKind, string>> = {
  namespaces: 'between network namespaces on a bridge, captured at the bridge',
  'user-namespace': 'between network namespaces of a user namespace, captured at their bridge',
  loopback: 'on the loopback of this host',
};

const columns = ['kind', 'connections', 'ends', 'recall', 'precision', 'unique', 'wrong', 'bytes'] as const;
const widths = [20, 13, 6, 9, 11, 9, 7, 9] as const;

/** The result for a person: a line for each kind, what could not be tested, and the sum. */
export function selftestText(result: SelftestResult, refusals: readonly string[]): string {
  const tested = result.kinds.filter(({ score }) => score !== undefined);
  const untested = result.kinds.filter(({ score }) => score === undefined);
  const own = total(tested.map(({ score }) => score!));
  const blocks = [
    [
      `traffic ${stageTexts[result.stage]}; this host watched ${sensorMethods[result.sensor]}`,
      ...refusals,
      ...result.warnings.map((warning) => `warned: ${warning}`),
    ],
    [cells(columns), ...tested.map(({ kind, score }) => kindLine(kind.name, score!)), kindLine('all', own)],
  ];
  const baselines = tested.flatMap(({ baseline }) => (baseline === undefined ? [] : [baseline]));
  if (baselines.length > 0) blocks.push(baselineLines(tested, total(baselines)));
  if (untested.length > 0) {
    blocks.push(['not tested here:', ...untested.map(({ kind, untested: why }) => `${kind.name.padEnd(20)}${why}`)]);
  }
  blocks.push(
    own.wrong === 0
      ? ['no wrong owner was named']
      : [`WRONG OWNERS were named at ${own.wrong} ends:`, ...tested.flatMap(({ score }) => score!.mistakes)],
  );
  return blocks.map((lines) => lines.join('\n')).join('\n\n');
}

function cells(texts: readonly string[]): string {
  return texts.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i] ?? 0))).join('');
}

function kindLine(name: string, score: Score): string {
  const figures = [
    String(score.connections),
    String(score.ends),
    percent(score.right, score.ends),
    percent(score.named - score.wrong, score.named),
    percent(score.unique, score.ends),
    String(score.wrong),
    percent(score.attributedBytes, score.sentBytes),
  ];
  const missed = Object.entries(score.missed).map(([what, times]) => `${times} ${what}`);
  const users = score.wrongUsers > 0 ? [`${score.wrongUsers} with a wrong user`] : [];
  const ownerless = score.ownerless > 0 ? [`${score.ownerless} ends are nobody's`] : [];
  const notes = [...missed, ...users, ...ownerless].join(', ');
  return cells([name, ...figures]) + (notes === '' ? '' : `   ${notes}`);
}

function baselineLines(tested: readonly KindResult[], sum: Score): string[] {
  return [
    'the same input by the rules of the baseline (polls every 2 s, IPv4, wildcards, decided once when a connection ends):',
    cells(columns),
    ...tested.flatMap(({ kind, baseline }) => (baseline === undefined ? [] : [kindLine(kind.name, baseline)])),
    kindLine('all', sum),
  ];
}

/** A share with one decimal; - where there is nothing to share. */
function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** The result for a program. Shares are left to the reader: counts stand for themselves. */
export function selftestObject(result: SelftestResult, refusals: readonly string[]): object {
  const tested = result.kinds.flatMap(({ score }) => (score === undefined ? [] : [score]));
  return {
    stage: result.stage,
    sensor: result.sensor,
    limits: [...refusals, ...result.warnings],
    kinds: result.kinds.map(({ kind, untested, score, baseline }) => ({
      kind: kind.name,
      title: kind.title,
      ...(untested !== undefined && { untested }),
      ...(score !== undefined && { score }),
      ...(baseline !== undefined && { baseline }),
    })),
    total: total(tested),
  };
}
