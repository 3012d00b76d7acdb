import { Observable, type Observer, type Operator, type Subject, Subscriber, type Subscription } from 'rxjs';
import type { RuleGuard } from './rule-guard.js';

type Observers<T> = Partial<Observer<T>> | ((value: T) => void) | null;

/**
 * An Observable whose subscribers are a rule's code. rxjs reports what a handler throws later, to nobody in particular;
 * here the rule's guard hears of it at once, also behind operators.
 */
export class RuleStream<T> extends Observable<T> {
  readonly #guard: RuleGuard;

  constructor(guard: RuleGuard, subject?: Subject<T>) {
    super(subject === undefined ? undefined : (subscriber) => subject.subscribe(subscriber));
    this.#guard = guard;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new RuleStream<R>(this.#guard);
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R> | undefined;
    return lifted;
  }

  override subscribe(
    observers?: Observers<T>,
    onError?: ((error: unknown) => void) | null,
    onComplete?: (() => void) | null,
  ): Subscription {
    // What an operator subscribes reports to the handlers behind it.
    if (observers instanceof Subscriber) return super.subscribe(observers);
    const own: Partial<Observer<T>> =
      typeof observers === 'function'
        ? { next: observers, ...(onError ? { error: onError } : {}), ...(onComplete ? { complete: onComplete } : {}) }
        : (observers ?? {});
    const guard = this.#guard;
    return super.subscribe({
      next: (value) => guard.run(() => own.next?.(value)),
      error: (error) => (own.error === undefined ? guard.fail(error) : guard.run(() => own.error?.(error))),
      complete: () => guard.run(() => own.complete?.()),
    });
  }
}
