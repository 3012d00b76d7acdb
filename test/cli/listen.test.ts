import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { engineOptions, type ListenFlags, listenOptions } from '../../src/cli/listen.js';

/** The flags that commander makes of arguments. */
function flagsOf(...args: string[]): ListenFlags {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of listenOptions) command.addOption(option);
  return command.parse(args, { from: 'user' }).opts();
}

describe('options about agents', () => {
  it('make the endpoint of an engine, with an address of either version', () => {
    const { engine } = engineOptions(
      flagsOf(
        '--listen',
        '[::1]:9443',
        '--tls-cert',
        'c',
        '--tls-key',
        'k',
        '--client-ca',
        'a',
        '--group',
        'dmz=192.0.2.0/24',
      ),
    );
    expect(engine).toMatchObject({
      endpoint: { host: '::1', port: 9443, tls: { certFile: 'c', keyFile: 'k', clientCaFile: 'a' } },
      subnets: [{ name: 'dmz', bits: 24 }],
      isDefaultSocket: true,
    });
    expect(engineOptions(flagsOf('--listen', '0.0.0.0:1', '--engine-socket', 's')).engine).toMatchObject({
      endpoint: { host: '0.0.0.0', port: 1 },
      socket: 's',
      isDefaultSocket: false,
    });
    expect(engineOptions(flagsOf())).toEqual({});
  });

  it.each([
    [['--secret-file', 's']],
    [['--group', 'a=10.0.0.0/8']],
    [['--listen', '127.0.0.1:1', '--tls-cert', 'c']],
    [['--listen', '127.0.0.1:1', '--client-ca', 'c']],
    [['--listen', '127.0.0.1']],
    [['--listen', '127.0.0.1:70000']],
    [['--listen', '127.0.0.1:1', '--group', 'dmz']],
  ])('are refused as %j', (args) => {
    expect(() => engineOptions(flagsOf(...args))).toThrow();
  });
});
