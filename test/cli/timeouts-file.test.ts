import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTimeouts } from '../../src/cli/timeouts-file.js';
import { SECOND } from '../../src/core/time.js';

const folder = mkdtempSync(join(tmpdir(), 'correlate-timeouts-'));
const path = join(folder, 'timeouts.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string): ReturnType<typeof readTimeouts> {
  writeFileSync(path, text);
  return readTimeouts(path);
}

function problems(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    expect(error).toMatchObject({ name: 'CorrelateError', code: 'CONFIG_MALFORMED' });
    return (error as Error).message.replaceAll(`${path}:`, '').split('\n');
  }
  return [];
}

describe('a file of timeouts', () => {
  it('sets what it names, in seconds or with a unit of Zeek', () => {
    const text = `
# office
tcp_inactivity_timeout: 10 min
udp_inactivity_timeout: 30
icmp_inactivity_timeout: "0.5"
tcp_attempt_delay: 2secs
tcp_close_delay: 250 msec
unknown_ip_inactivity_timeout: 1 day
port_inactivity_timeouts: { 22/tcp: 2 hrs, 3389/tcp: 90 }
`;
    expect(read(text)).toEqual({
      tcp_inactivity_timeout: 600 * SECOND,
      udp_inactivity_timeout: 30 * SECOND,
      icmp_inactivity_timeout: SECOND / 2,
      tcp_attempt_delay: 2 * SECOND,
      tcp_close_delay: SECOND / 4,
      unknown_ip_inactivity_timeout: 86_400 * SECOND,
      port_inactivity_timeouts: { 22: 7200 * SECOND, 3389: 90 * SECOND },
    });
  });

  it('may be empty', () => {
    expect(read('')).toEqual({});
    expect(read('# nothing\n')).toEqual({});
  });

  it('is refused with the place of everything that is wrong', () => {
    const text = `tcp_inactivity_timeout: soon
udp_inactivity_timout: 30
tcp_partial_close_delay: 1
icmp_inactivity_timeout: 0
tcp_close_delay: [5]
port_inactivity_timeouts:
  ssh: 5
  70000/tcp: 5
  22/tcp: -1
`;
    const told = problems(text);
    expect(told.map((line) => /^\d+:\d+/.exec(line)?.[0])).toEqual([
      '1:25',
      '2:1',
      '3:1',
      '4:26',
      '5:18',
      '7:3',
      '8:3',
      '9:11',
    ]);
    expect(told[1]).toContain('there is no timeout udp_inactivity_timout; there are tcp_attempt_delay');
    expect(told[2]).toContain('never start this timer');
  });

  it.each([
    ['- 1\n- 2\n', '1:1'],
    ['a: b: c\n', '1:4'],
    ['tcp_close_delay: 1\n---\ntcp_close_delay: 2\n', '3:1'],
    ['tcp_close_delay: 1\ntcp_close_delay: 2\n', '2:1'],
    ['port_inactivity_timeouts: 5\n', '1:27'],
    ['['.repeat(100_000), '1:\\d+'],
  ])('is refused when it is no map of names and times: case %#', (text, place) => {
    expect(problems(text)[0]).toMatch(new RegExp(`^${place}: `));
  });

  it('that is not there is an operating failure', () => {
    expect(() => readTimeouts(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'CONFIG_OPEN_FAILED' }));
  });
});
