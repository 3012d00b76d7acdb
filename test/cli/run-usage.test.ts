import { describe, expect, it } from 'vitest';
import { checkRunUsage } from '../../src/cli/run-usage.js';

const check = (...flags: string[]) => checkRunUsage((flag) => flags.includes(flag), []);

describe('options of a run', () => {
  it.each([
    ['filter', 'read', '--filter is for --interface'],
    ['filter', 'listen', '--filter is for --interface'],
    ['snaplen', 'read', '--snaplen is for --interface'],
    ['ringSize', 'read', '--ring-size is for --interface'],
    ['user', 'read', '--user is for --interface and --listen'],
    ['localHost', 'hostLog', '--no-local-host is for --interface and --listen'],
    ['sensor', 'read', '--sensor is for --interface and --listen'],
    ['threads', 'interface', '--threads is for --read'],
    ['storeDays', 'read', '--store-days is for --store'],
    ['storeSize', 'interface', '--store-size is for --store'],
    ['strictRules', 'read', '--strict-rules is for --rules'],
    ['failOnAlert', 'read', '--fail-on-alert is for --rules'],
    ['zeekFormat', 'read', '--zeek-format is for --zeek-logs'],
  ])('that could do nothing are refused: %s beside %s', (flag, beside, message) => {
    expect(() => check(flag, beside)).toThrow(message);
  });

  it.each([
    [['read']],
    [['hostLog', 'store', 'storeDays', 'storeSize']],
    [['interface', 'filter', 'snaplen', 'ringSize', 'user', 'localHost', 'sensor']],
    [['listen', 'user', 'localHost', 'sensor', 'rules', 'strictRules', 'failOnAlert']],
    [['read', 'hostLog', 'threads', 'zeekLogs', 'zeekFormat']],
  ])('go together: %j', (flags) => {
    expect(() => check(...flags)).not.toThrow();
  });

  it('name something to watch, in one way, and standard input at most once', () => {
    expect(() => check()).toThrow('nothing to watch');
    expect(() => check('interface', 'hostLog')).toThrow('give one or the other');
    expect(() => checkRunUsage((flag) => flag === 'read', ['-', 'a', '-'])).toThrow('read only once');
  });
});
