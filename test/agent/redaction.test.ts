import { describe, expect, it } from 'vitest';
import { Redaction } from '../../src/agent/redaction.js';
import type { HostRow } from '../../src/records/host-row.js';

describe('command lines that leave the host', () => {
  it.each([
    ['psql --password=hunter2 -h db', 'psql --password=[redacted] -h db'],
    ['tool --db-password "two words" run', 'tool --db-password [redacted] run'],
    ['java -Dapi.token=abc123 -jar a.jar', 'java -Dapi.token=[redacted] -jar a.jar'],
    ['env API_KEY=k-1 SECRET=s-2 app', 'env API_KEY=[redacted] SECRET=[redacted] app'],
    [
      'curl -H "Authorization: Bearer eyJx.y.z" https://a.example',
      'curl -H "Authorization: Bearer [redacted]" https://a.example',
    ],
    ['git clone https://bob:pa55@git.example/r.git', 'git clone https://bob:[redacted]@git.example/r.git'],
    ['curl -u bob:pa55 http://a.example/', 'curl -u bob:[redacted] http://a.example/'],
    ['mysql -u root -psecret db', 'mysql -u root -p[redacted] db'],
    ['sshpass -p s3 ssh host', 'sshpass -p [redacted] ssh host'],
    ['aws AKIAABCDEFGHIJKLMNOP', 'aws [redacted]'],
    ['ls -l /etc/passwd', 'ls -l /etc/passwd'],
    ['curl http://a.example:8080/x@y', 'curl http://a.example:8080/x@y'],
    ['ssh bob@host -p 2222', 'ssh bob@host -p 2222'],
  ])('%s', (given, clean) => {
    const redaction = new Redaction();
    expect(redaction.commandLine(given)).toBe(clean);
    expect(redaction.counters.redacted > 0).toBe(given !== clean);
  });

  it('lose what patterns of the user find, the first group where there is one', () => {
    const redaction = new Redaction(['pin-[0-9]+', 'user ([a-z]+)'], false);
    expect(redaction.commandLine('a pin-12 user bob --password=x')).toBe('a [redacted] user [redacted] --password=x');
    expect(redaction.counters.redacted).toBe(2);
    expect(() => new Redaction(['('])).toThrow();
  });

  it('take time in proportion to their length, whoever chose them', () => {
    const redaction = new Redaction(['(a+)+b']);
    const texts = [
      '--password ',
      'mysql -',
      'curl -u ',
      'eyJa.eyJa.',
      'x://',
      'a',
      'token=token=',
      'authorization: basic ',
    ];
    const began = process.cpuUsage().user;
    for (const text of texts) redaction.commandLine(text.repeat(Math.floor(16_384 / text.length)));
    // Two seconds of processor time are a thousand times what it takes.
    expect(process.cpuUsage().user - began).toBeLessThan(2_000_000);
  });

  it('are the only text that is looked through, and all text is cut to what the wire takes', () => {
    const redaction = new Redaction();
    const row = (columns: Record<string, string>): HostRow =>
      ({
        kind: 'row',
        host: 'h',
        stream: 'processes',
        table: 'processes',
        action: 'added',
        time: 1,
        resolution: 1,
        seq: 1,
        columns,
      }) as HostRow;
    const same = row({ path: '/opt/password=x', cmdline: 'ls' });
    expect(redaction.row(same)).toBe(same);
    expect(redaction.row(row({ cmdline: 'x --token=t' }))).toMatchObject({
      columns: { cmdline: 'x --token=[redacted]' },
    });
    expect(redaction.row(row({ path: 'p'.repeat(20_000) }))).toMatchObject({ columns: { path: 'p'.repeat(16_384) } });
    expect(redaction.counters).toEqual({ redacted: 1, cut: 1 });
  });
});
