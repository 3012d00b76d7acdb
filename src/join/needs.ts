import type { Trial } from './candidate.js';
import type { Need } from './evaluation.js';
import type { HostKnowledge } from './host-knowledge.js';
import type { Choice } from './owner-choice.js';

/** One host's answer, and what it waits for. */
export interface Waiting {
  readonly trial: Trial;
  readonly choice: Choice;
  readonly known: HostKnowledge;
  readonly need: Need | undefined;
}

/**
 * What an end waits for that several hosts may know. As long as one host that knows of nothing has not told all, that another has done so changes
 * nothing, so one of these is waited for at a time: else an end at an address of many hosts would be looked at for each of them. It is the one that has
 * told of the most: hosts tell in turn, so most others will have told when it does again.
 */
export function needsOf(answers: readonly Waiting[]): Need[] {
  const needs: Need[] = [];
  let last: Waiting | undefined;
  for (const answer of answers) {
    const { need, trial, choice } = answer;
    if (trial.doubt?.until !== undefined) needs.push(trial.doubt.until);
    if (need === undefined) continue;
    if (choice.kind !== 'wait' || trial.candidates.length > 0) needs.push(need);
    else if (last === undefined || toldUntil(answer) >= toldUntil(last)) last = answer;
  }
  if (last?.need !== undefined) needs.push(last.need);
  return needs;
}

function toldUntil({ known: { eventsUntil, socketsUntil } }: Waiting): number {
  return Math.min(eventsUntil, socketsUntil);
}
