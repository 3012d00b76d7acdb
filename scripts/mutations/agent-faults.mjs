// Faults in what agents and engine say to each other.

const both = 'test/server/agent-and-engine.test.ts';
const hostile = 'test/server/hostile-agents.test.ts';
const registry = 'test/hosts/registry/host-registry.test.ts';

export const agentFaults = [
  {
    name: 'window-never-grows',
    file: 'src/agent/engine-link.ts',
    find: 'this.#window.acknowledged(rows);',
    replace: '',
    tests: ['test/agent/engine-link.test.ts'],
  },
  {
    name: 'small-window-not-acknowledged',
    file: 'src/server/row-account.ts',
    find: '* 2 >= this.#window.rows;',
    replace: '* 2 >= limits.agentWindowRows;',
    tests: ['test/server/acknowledgements.test.ts'],
  },
  {
    name: 'common-values-never-let-go',
    file: 'src/hosts/state/row-store.ts',
    find: 'this.#drop(shape, 1, part, 0);',
    replace: '',
    tests: ['test/hosts/state/row-store.test.ts'],
  },
  {
    name: 'odd-address-kept-as-canonical',
    file: 'src/hosts/state/socket-record.ts',
    find: 'return value === fact.localAddress && value !== undefined',
    replace: 'return fact.localAddress !== undefined',
    tests: ['test/hosts/state/socket-record.test.ts'],
  },
  {
    name: 'last-row-taken-twice',
    file: 'src/hosts/registry/journal-position.ts',
    find: 'return sequence <= this.received;',
    replace: 'return sequence < this.received;',
    tests: [registry],
    ci: true,
  },
  {
    name: 'released-as-soon-as-received',
    file: 'src/hosts/registry/journal-position.ts',
    find: 'this.#marks[0]!.at <= now - latenessUs',
    replace: 'this.#marks[0]!.at <= now',
    tests: [registry],
  },
  {
    name: 'subnet-bits-ignored',
    file: 'src/hosts/registry/host-groups.ts',
    find: 'const shift = left >= 32 ? 0 : 32 - left;',
    replace: 'const shift = 0;',
    tests: ['test/hosts/registry/host-groups.test.ts'],
  },
  {
    name: 'standing-rows-not-told',
    file: 'src/agent/agent.ts',
    find: '.filter(({ sequence }) => sequence > received);',
    replace: '.filter(({ sequence }) => sequence > received + 1e15);',
    tests: [both],
  },
  {
    name: 'losses-not-told',
    file: 'src/agent/journal.ts',
    find: 'widen(isNews ? lost : this.#forgotten, row);',
    replace: 'widen(this.#forgotten, row);',
    tests: [both],
  },
  {
    name: 'secrets-leave-the-host',
    file: 'src/agent/redaction.ts',
    find: "return column === 'cmdline' ? this.commandLine(lawful) : lawful;",
    replace: 'return lawful;',
    tests: ['test/agent/redaction.test.ts'],
    ci: true,
  },
  {
    name: 'any-token-taken',
    file: 'src/server/enrolments.ts',
    find: 'return timingSafeEqual(Buffer.from(shown), Buffer.from(known));',
    replace: 'return timingSafeEqual(Buffer.from(known), Buffer.from(known));',
    tests: [both],
  },
  {
    name: 'rows-of-the-future-taken',
    file: 'src/server/agent-hub.ts',
    find: 'batch.latest > arrived + connection.offset + limits.rowAheadUs',
    replace: 'batch.latest > Number.MAX_VALUE',
    tests: [hostile],
  },
  {
    name: 'no-bound-on-the-rate-of-rows',
    file: 'src/wire/row-budget.ts',
    find: 'return this.#rows < -this.burst;',
    replace: 'return this.#rows < Number.NEGATIVE_INFINITY;',
    tests: ['test/wire/row-budget.test.ts'],
  },
  {
    name: 'host-told-in-rows-believed',
    file: 'src/wire/row-message.ts',
    find: 'for (const member in message) if (!rowMembers.has(member))',
    replace: 'for (const member in message) if (member === "nothing" && !rowMembers.has(member))',
    tests: ['test/wire/row-message.test.ts'],
  },
  {
    name: 'arrivals-begun-all-at-once',
    file: 'src/server/arrival-queue.ts',
    find: 'const PER_TURN = 8;',
    replace: 'const PER_TURN = 8_000;',
    tests: ['test/server/arrival-queue.test.ts'],
  },
];
