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
