/**
 * Stands for all that rows tell of one pid of a host, until a row about it comes or goes. Whoever worked something out from these rows keeps
 * it here, so that it is worked out once and forgotten in time.
 */
export class PidKnowledge {
  isStale = false;
  /** Of a type that only who put it there knows. */
  found: object | undefined;
  /** The same of what depends on the pid and a program alone, which is never stale. */
  told: object | undefined;
}
