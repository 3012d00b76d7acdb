import type { Holder, ReferenceEnd } from '../../../src/join/reference-choice.js';
import type { End } from '../../../src/records/attributed-connection.js';

const name = ({ host, pid }: Holder): string => `${host}:${pid}`;
const names = (holders: readonly Holder[]): string => [...new Set(holders.map(name))].sort().join(' ');

/** The reference's answer in the words of `inWords`. */
export function referenceInWords(end: ReferenceEnd): string {
  switch (end.kind) {
    case 'owner':
      return `${end.method} ${name(end.owner)}`;
    case 'tie':
      return `ambiguous ${names(end.candidates)}`;
    case 'holders':
      return `ambiguous ${names(end.first)}`;
    case 'nobody':
      return end.reason;
  }
}

/** The names of the candidates, with all of each group or with any one of it. */
function standingFor(candidates: readonly Holder[], groups: readonly (readonly Holder[])[]): string[] {
  const [group, ...rest] = groups;
  if (group === undefined) return [names(candidates)];
  const others = candidates.filter((one) => !group.some((member) => name(member) === name(one)));
  return [group, ...group.map((one) => [one])].flatMap((left) => standingFor([...others, ...left], rest));
}

/** Whether an end says what the reference says. Which of several holders is the others' ancestor is not the reference's to know. */
export function agrees(end: End, reference: ReferenceEnd): boolean {
  if (end.state === 'unattributed') return reference.kind === 'nobody' && reference.reason === end.reason;
  if (end.state === 'ambiguous') {
    const told = names(end.candidates.map(({ host, process }) => ({ host: host.id, pid: process.pid })));
    if (reference.kind === 'tie') return standingFor(reference.candidates, reference.groups ?? []).includes(told);
    return reference.kind === 'holders' && told === names(reference.first);
  }
  if (end.state !== 'attributed') return false;
  const host = end.host.id;
  const told = { host, pid: end.process.pid };
  const sharers = (end.sharers ?? []).map(({ pid }) => ({ host, pid }));
  if (reference.kind === 'owner') {
    return (
      end.method === reference.method &&
      name(told) === name(reference.owner) &&
      names(sharers) === names(reference.sharers)
    );
  }
  if (reference.kind === 'tie' && reference.accepted !== undefined) {
    const isAccepted = end.method === 'accept_event' && name(told) === name(reference.accepted);
    return isAccepted && names([told, ...sharers]) === names(reference.candidates);
  }
  if (reference.kind !== 'holders' || end.method !== 'shared_socket') return false;
  return reference.first.some((one) => name(one) === name(told)) && names([told, ...sharers]) === names(reference.all);
}
