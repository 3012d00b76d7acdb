import { describe, expect, it } from 'vitest';
import { parseAgentConfig } from '../../src/agent/agent-config.js';
import { CorrelateError } from '../../src/core/errors.js';

describe('the configuration file of an agent', () => {
  it('has the names of the options', () => {
    const text = `
server: wss://engine.example:9443
secret-file: /etc/correlate/secret
groups: [prod/web, eu]
spool-size: 64M
redact:
  - 'pin-\\d+'
redact-defaults: false
`;
    expect(parseAgentConfig(text, 'agent.yml')).toEqual({
      server: 'wss://engine.example:9443',
      secretFile: '/etc/correlate/secret',
      groups: ['prod/web', 'eu'],
      spoolSize: 64 << 20,
      redact: ['pin-\\d+'],
      redactDefaults: false,
    });
    expect(parseAgentConfig('', 'agent.yml')).toEqual({});
  });

  it('is refused with every problem and its line', () => {
    const text = 'server: [a]\nhost_id: x\nnetns: some\ngroups: web\nspool-size: 12\nsensor:\n';
    let message = '';
    try {
      parseAgentConfig(text, 'agent.yml');
    } catch (error) {
      if (!(error instanceof CorrelateError) || error.code !== 'CONFIG_MALFORMED') throw error;
      message = error.message;
    }
    expect(message.split('\n').map((line) => line.split(': ')[0])).toEqual([
      'agent.yml:1:9',
      'agent.yml:2:1',
      'agent.yml:3:8',
      'agent.yml:4:9',
      'agent.yml:5:13',
      'agent.yml:6:8',
    ]);
  });

  it.each([
    ['a: [', 'agent.yml:1:'],
    ['- list', 'agent.yml:1:1: a map is wanted'],
    ['server: a\nserver: b', 'agent.yml:2:1'],
  ])('is refused as %j', (text, place) => {
    expect(() => parseAgentConfig(text, 'agent.yml')).toThrow(place);
  });
});
