import { describe, expect, it } from 'vitest';
import { chooseSubprotocol, subprotocols, versionsIn } from '../../src/wire/protocol.js';
import { Malformed, readAgentMessage, readEngineMessage } from '../../src/wire/validator.js';

const hello = {
  type: 'hello',
  host: 'web-1',
  run: 'r',
  version: '0.1.0',
  groups: ['prod/web'],
  tables: [],
  limited: [],
  time: 1,
  journal: { id: 'j', next: 0 },
  token: 't',
};

describe('messages of the agent protocol', () => {
  it('are taken when they are what the version says', () => {
    expect(readAgentMessage(JSON.stringify(hello), '')).toEqual(hello);
    const ack = { type: 'ack', received: 5 };
    expect(readEngineMessage(JSON.stringify(ack))).toEqual(ack);
  });

  it.each([
    ['no JSON', '{'],
    ['an array', '[]'],
    ['nothing', 'null'],
    ['an unknown type', '{"type":"shutdown"}'],
    ['a type that is a member of every object', '{"type":"toString"}'],
    ['a message of the other side', '{"type":"ack","received":1}'],
    ['an unknown member', JSON.stringify({ ...hello, admin: true })],
    ['a wrong type', JSON.stringify({ ...hello, time: 'now' })],
    ['a missing member', JSON.stringify({ ...hello, host: undefined })],
    ['a name that is too long', JSON.stringify({ ...hello, host: 'x'.repeat(513) })],
    ['very deep nesting', '['.repeat(500_000)],
  ])('are refused as %s', (_, text) => {
    expect(readAgentMessage(text, 'h')).toBeInstanceOf(Malformed);
  });

  it('name what is wrong', () => {
    const answer = readAgentMessage(JSON.stringify({ ...hello, time: 'now' }), '');
    expect(answer).toMatchObject({ problem: expect.stringContaining('hello/time') as string });
  });
});

describe('versions', () => {
  it('are agreed on where both sides speak one, whatever else the other speaks', () => {
    expect(chooseSubprotocol(['correlate.agent.v9', ...subprotocols])).toBe(subprotocols[0]);
    expect(chooseSubprotocol(['correlate.agent.v9'])).toBeUndefined();
    expect(versionsIn(['correlate.agent.v9', 'chat'])).toBe('9');
  });
});
