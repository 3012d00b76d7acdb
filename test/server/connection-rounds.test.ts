import { describe, expect, it } from 'vitest';
import type { AgentConnection } from '../../src/server/agent-connection.js';
import { acknowledgeEveryUs, completeEveryMs, silenceMs } from '../../src/server/connection-paces.js';
import { ConnectionRounds, TICK_MS, TICKS_A_ROUND } from '../../src/server/connection-rounds.js';

const SECOND = 1_000_000;
const TICK = TICK_MS * 1000;
const START = 1_800_000_000 * SECOND;

interface Fake {
  phase: AgentConnection['phase'];
  since: number;
  heard: number;
  isBusy: boolean;
  acknowledgedAt: number;
  pings: number;
  host: { heard: number } | undefined;
}

/** Connections of the time 0 of a test, which is looked at tick by tick. */
class Rounds {
  readonly fakes: Fake[] = [];
  readonly connections = new Set<AgentConnection>();
  readonly cut: string[] = [];
  acknowledged = 0;
  hosts = 1;
  #now = START;
  readonly rounds = new ConnectionRounds(
    {
      connections: this.connections,
      hosts: () => this.hosts,
      cut: (connection, name, reason) => {
        this.cut.push(`${name} ${reason}`);
        this.connections.delete(connection);
      },
      acknowledge: (connection, now) => {
        this.acknowledged++;
        (connection as unknown as Fake).acknowledgedAt = now;
      },
      askClock: () => {},
    },
    START,
  );

  add(phase: Fake['phase'], more: Partial<Fake> = {}): Fake {
    const fake = {
      phase,
      since: START,
      heard: START,
      isBusy: false,
      acknowledgedAt: START,
      pings: 0,
      host: phase === 'new' ? undefined : { heard: START },
      ping: () => fake.pings++,
      account: { isOlder: (us: number, now: number) => now - fake.acknowledgedAt >= us },
      ...more,
    };
    this.fakes.push(fake);
    this.connections.add(fake as unknown as AgentConnection);
    return fake;
  }

  goOn(seconds: number, each = (): void => {}): void {
    for (const until = this.#now + seconds * SECOND; this.#now < until; ) {
      this.#now += TICK;
      each();
      this.rounds.tick(this.#now);
    }
  }

  standStill(seconds: number): void {
    this.#now += seconds * SECOND;
  }

  get now(): number {
    return this.#now;
  }
}

describe('a connection', () => {
  it('that is not heard for the silence is cut off, and pinged before', () => {
    const rounds = new Rounds();
    const fake = rounds.add('joined');
    rounds.goOn(silenceMs(1) / 1000 - 1);
    expect([rounds.cut, fake.pings > 0]).toEqual([[], true]);
    rounds.goOn(3);
    expect(rounds.cut).toEqual(['SILENT nothing was heard for 8 s']);
  });

  it('that is heard is neither pinged nor cut off, and its host was heard then', () => {
    const rounds = new Rounds();
    const fake = rounds.add('joined');
    rounds.goOn(60, () => {
      fake.heard = rounds.now;
    });
    expect([rounds.cut, fake.pings]).toEqual([[], 0]);
    expect(rounds.now - fake.host!.heard).toBeLessThan(2 * SECOND);
  });

  it('whose frames wait to be worked on is not silent', () => {
    const rounds = new Rounds();
    rounds.add('joined', { isBusy: true });
    rounds.goOn(60);
    expect(rounds.cut).toEqual([]);
  });

  it('is not judged while what was sent when the process stood still may have yet to be read', () => {
    const rounds = new Rounds();
    rounds.add('joined');
    rounds.standStill(30);
    rounds.goOn(silenceMs(1) / 1000 - 1);
    expect(rounds.cut).toEqual([]);
    rounds.goOn(4);
    expect(rounds.cut.length).toBe(1);
  });

  it('that waits to be welcomed has a minute, and is not acknowledged', () => {
    const rounds = new Rounds();
    rounds.add('waiting');
    rounds.goOn(58);
    expect([rounds.cut, rounds.acknowledged]).toEqual([[], 0]);
    rounds.goOn(5);
    expect(rounds.cut.length).toBe(1);
  });

  it('that says no hello is cut off', () => {
    const rounds = new Rounds();
    rounds.add('new');
    rounds.goOn(19);
    expect(rounds.cut).toEqual([]);
    rounds.goOn(3);
    expect(rounds.cut).toEqual(['SILENT no hello came']);
  });
});

describe('with many hosts', () => {
  it('each is looked at once a second, a fiftieth of them in a tick, and told in time that it was heard', () => {
    const rounds = new Rounds();
    rounds.hosts = 10_000;
    const each = 10;
    for (let i = 0; i < each * TICKS_A_ROUND; i++) rounds.add('joined', { acknowledgedAt: 0 });
    rounds.goOn(TICK / SECOND);
    expect(rounds.acknowledged).toBe(each);
    rounds.goOn(1);
    expect(rounds.acknowledged).toBe(each * TICKS_A_ROUND);
  });

  it('an agent hears twice in the silence that it was heard, and an engine three times of each host', () => {
    for (const hosts of [1, 1_000, 10_000, 65_536]) {
      expect(2 * acknowledgeEveryUs(hosts)).toBeLessThanOrEqual(silenceMs(hosts) * 1000);
      expect(3 * completeEveryMs(hosts)).toBeLessThan(silenceMs(hosts));
    }
    expect(completeEveryMs(10_000)).toBe(5_000);
  });
});
