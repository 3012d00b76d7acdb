import { describe, expect, it } from 'vitest';
import { LineBuffer } from '../../src/outputs/line-buffer.js';
import { OwnerTexts } from '../../src/outputs/owner-texts.js';
import type { AttributedEnd } from '../../src/records/attributed-connection.js';
import { ShownProcess } from '../../src/records/shown-process.js';

type Owner = Pick<AttributedEnd, 'host' | 'clock' | 'process' | 'user'>;

const ancestors = [{ pid: 1, name: 'init' }];
const shown = (pid: number, name: string, cwd?: string) =>
  new ShownProcess(pid, undefined, name, undefined, undefined, cwd, ancestors);
const processes = ['a', 'grün', 'b'].map((name, i) => shown(10 + i, name));
const hosts = [{ id: 'one', boot: 'first' }, { id: 'two "quoted"' }];
const clocks = [undefined, { offset: -1_500_000, err: 20 }, { offset: 7, err: 2_000_000 }];
const users = [undefined, { uid: 0, name: 'root' }, { uid: 1000 }];

/** What a line says of the owner, with fields in this order. */
function expected({ host, clock, process, user }: Owner): string {
  const seconds = (us: number): string => (us / 1e6).toFixed(6);
  const time = clock && `"clock":{"offset":${seconds(clock.offset)},"err":${seconds(clock.err)}}`;
  const parts = [
    `"host":${JSON.stringify(host)}`,
    time,
    `"process":${JSON.stringify(process)}`,
    user && `"user":${JSON.stringify(user)}`,
  ];
  return parts.filter((part) => part !== undefined).join(',');
}

function writer(): (owner: Owner) => string {
  const texts = new OwnerTexts();
  const line = new LineBuffer();
  return (owner) => {
    line.length = 0;
    texts.write(line, owner);
    return line.toString();
  };
}

describe('texts of owners', () => {
  it('are those of their own host, clock, process and user, whichever was written before', () => {
    const write = writer();
    const owners = processes.flatMap((process) =>
      hosts.flatMap((host) =>
        clocks.flatMap((clock) =>
          users.map((user): Owner => ({ host, process, ...(clock && { clock }), ...(user && { user }) })),
        ),
      ),
    );
    // By 3 the clock alone changes, by 9 the host alone.
    for (const by of [1, 1, 3, 5, 7, 9, 11]) {
      for (let i = 0; i < owners.length; i++) {
        const owner = owners[(i * by) % owners.length]!;
        expect(write(owner)).toBe(expected(owner));
        expect(write(owner)).toBe(expected(owner));
      }
    }
  });

  /** A process, and how often its name was asked for. */
  function counted(pid: number, cwd?: string): { process: ShownProcess; asked: number } {
    const out = { process: shown(pid, 'counted', cwd), asked: 0 };
    Object.defineProperty(out.process, 'name', {
      get: () => {
        out.asked++;
        return 'counted';
      },
    });
    return out;
  }

  it('are made once for a process that has ancestors', () => {
    const write = writer();
    const one = counted(5);
    for (const clock of [clocks[1]!, clocks[1]!, clocks[2]!, clocks[1]!]) {
      write({ host: hosts[0]!, clock, process: one.process });
    }
    expect(one.asked).toBe(1);
  });

  it('are not pushed out by others for which there is no room, before these have come often', () => {
    const write = writer();
    const [host] = hosts as [Owner['host']];
    const first = counted(1, 'x'.repeat(5_000_000));
    const second = counted(2, 'y'.repeat(5_000_000));
    const other = counted(3, 'z'.repeat(10_000_000));
    const writeAll = (...them: { process: ShownProcess }[]) => {
      for (const { process } of them) write({ host, process });
    };
    writeAll(first, second);
    // Eight times for each of the two that are kept, the last one of which takes their place.
    for (let i = 0; i < 16; i++) writeAll(first, other, second);
    expect([first.asked, second.asked, other.asked]).toEqual([1, 2, 16]);
    writeAll(other, first, second);
    expect([first.asked, second.asked, other.asked]).toEqual([2, 2, 16]);
  });

  it('stay what they are as more come, also where all have to be dropped for others', () => {
    const write = writer();
    const [host] = hosts as [Owner['host']];
    const owner = (pid: number, cwd: string): Owner => ({ host, process: shown(pid, 'p', cwd) });
    const few = Array.from({ length: 500 }, (_, i) => owner(i + 1, 'é'.repeat(i % 50)));
    const large = Array.from({ length: 40 }, (_, i) => owner(1000 + i, String(i).repeat(500_000)));
    const giant = owner(5000, 'x'.repeat(20_000_000));
    for (const one of [...few, ...few, ...large, giant, giant, ...few, ...large.slice(-3), ...few]) {
      expect(write(one) === expected(one)).toBe(true);
    }
  });
});
