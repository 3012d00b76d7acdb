import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { correlate, jsonLines } from './program.js';

describe('correlate query', () => {
  it('prints JSON lines when its output is no terminal', () => {
    const { status, stdout } = correlate(['query', 'SELECT username, uid FROM users WHERE uid = 0']);
    expect(status).toBe(0);
    expect(jsonLines(stdout)).toEqual([{ username: 'root', uid: 0 }]);
  });

  it('prints CSV with quotes where they are needed, and tables', () => {
    const sql = `SELECT 'a,"b"' AS x, NULL AS n, 9223372036854775807 AS big`;
    expect(correlate(['query', sql, '--format', 'csv']).stdout).toBe('x,n,big\r\n"a,""b""",,9223372036854775807\r\n');
    const { stdout } = correlate(['query', "SELECT 'a' || char(27) || 'b' AS x", '--format', 'table']);
    expect(stdout).toContain('a·b');
    expect(stdout).toContain('1 row\n');
  });

  it('ends with 1 and the code when the query fails, takes too long or has too many rows', () => {
    const failed = (args: string[]) => {
      const { status, log } = correlate(['query', ...args]);
      return [status, log.at(-1)?.code];
    };
    expect(failed(['SELECT * FROM nonesuch'])).toEqual([1, 'QUERY_FAILED']);
    expect(failed(['--rows', '1', "SELECT value FROM json_each('[1,2]')"])).toEqual([1, 'QUERY_LIMIT']);
    const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c';
    expect(failed(['--timeout', '0.1', endless])).toEqual([1, 'QUERY_TIMEOUT']);
    expect(correlate(['query']).status).toBe(2);
    expect(correlate(['query', '--format', 'xml', 'SELECT 1']).status).toBe(2);
  });

  it('says that nothing feeds the event tables, or watches for them', () => {
    const { stdout, log } = correlate(['query', 'SELECT count(*) AS n FROM process_events']);
    expect(jsonLines(stdout)).toEqual([{ n: 0 }]);
    expect(log.at(-1)?.code).toBe('SENSOR_LIMITED');
    const sql = "SELECT count(*) > 0 AS seen FROM process_events WHERE path = '/usr/bin/env'";
    // Runs env until the program, which takes the place of the shell, has ended.
    const busy = '(while kill -0 $$; do env; sleep 0.1; done) >/dev/null 2>&1 & exec "$@"';
    const watched = correlate(['query', '--events', '1', sql], { prefix: ['sh', '-c', busy, 'sh'] });
    const sees = !watched.log.some(({ code }) => code === 'SENSOR_LIMITED');
    // Without eBPF there are no events, which is told.
    expect(jsonLines(watched.stdout)).toEqual([{ seen: sees ? 1 : 0 }]);
  });

  it('asks the machine as it is now', () => {
    const [row] = jsonLines(
      correlate(['query', 'SELECT p.name, o.arch FROM processes p, os_version o, uptime WHERE p.pid = 1']).stdout,
    );
    expect(row).toEqual({
      name: spawnSync('cat', ['/proc/1/comm'], { encoding: 'utf8' }).stdout.trim(),
      arch: spawnSync('uname', ['-m'], { encoding: 'utf8' }).stdout.trim(),
    });
  });
});
