import { endianness } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ringLayout as at, decodeBatch } from '../../src/sensor/ring-record.js';
import { loadSensorAddon, sensorAddonBuilt } from '../../src/sensor/sensor-addon.js';

const little = endianness() === 'LE';
const built = sensorAddonBuilt();

/** A record with these 16 and 32-bit fields at these offsets. */
function record(size: number, kind: number, fields: (view: DataView) => void, tail = ''): Buffer {
  const bytes = Buffer.alloc(size + tail.length);
  bytes.write(tail, size, 'latin1');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setBigUint64(at.time, 5_000_000_900n, little);
  view.setUint32(at.size, bytes.length, little);
  view.setUint16(at.kind, kind, little);
  view.setUint32(at.pid, 42, little);
  view.setUint32(at.uid, 1000, little);
  view.setUint32(at.loginUid, 0xffffffff, little);
  view.setUint32(at.netns, 4026531840, little);
  fields(view);
  return bytes;
}

/** A batch on a host whose clock is an hour ahead of the boot clock. */
function batch(records: readonly Buffer[], changes: (view: DataView) => void = () => {}): ArrayBuffer {
  const padded = records.map((bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)]));
  const bytes = Buffer.concat([Buffer.alloc(at.batchBytes), ...padded]);
  const buffer = new ArrayBuffer(bytes.length + 64);
  new Uint8Array(buffer).set(bytes);
  const view = new DataView(buffer);
  view.setBigInt64(at.wallOffset, 3_600_000_000_000n, little);
  view.setBigInt64(at.drained, 6_000_000_000n, little);
  view.setUint32(at.bytes, bytes.length, little);
  changes(view);
  return buffer;
}

const connect = record(at.socketBytes, 1, (view) => {
  view.setInt32(at.fd, 3, little);
  view.setUint16(at.family, 10, little);
  view.setUint16(at.type, 1, little);
  view.setUint16(at.protocol, 6, little);
  view.setUint16(at.localPort, 40000, little);
  view.setUint16(at.remotePort, 443, little);
  view.setBigUint64(at.inode, 7777n, little);
  // ::ffff:192.0.2.1 and 2001:db8::2
  view.setUint16(at.localAddress + 10, 0xffff);
  view.setUint32(at.localAddress + 12, 0xc0000201);
  view.setUint32(at.remoteAddress, 0x20010db8);
  view.setUint32(at.remoteAddress + 12, 2);
});

/** Some process took a datagram between these moments, maybe this one. */
const doubtful = record(at.socketBytes, 7, (view) => {
  view.setBigUint64(at.since, 4_000_000_900n, little);
  view.setInt32(at.fd, -1, little);
  view.setUint16(at.family, 2, little);
  view.setUint16(at.protocol, 17, little);
});

const exec = (flags: number, path = 'curl\0bin\0usr\0') => {
  const [cwd, cgroup, args] = ['', 'a.service\0system.slice\0', 'curl\0-s\0http://192.0.2.2/\0'];
  return record(
    at.processBytes,
    9,
    (view) => {
      view.setUint16(at.flags, flags, little);
      view.setUint32(at.parent, 41, little);
      view.setUint16(at.pathBytes, path.length, little);
      view.setUint16(at.cwdBytes, cwd.length, little);
      view.setUint16(at.cgroupBytes, cgroup.length, little);
      view.setUint16(at.argsBytes, args.length, little);
    },
    `${path}${cwd}${cgroup}${args}`,
  );
};

const heads = { time: 3_605_000_000, pid: 42, uid: 1000, netns: 4026531840 };

describe('records of the ring', () => {
  it('are read with the host clock, and numbers that the kernel did not know are absent', () => {
    const { records, bad, drained } = decodeBatch(batch([connect, exec(0)]));
    expect(bad).toBe(0);
    expect(drained).toBe(3_606_000_000);
    expect(records).toEqual([
      {
        ...heads,
        kind: 'connect',
        inode: 7777,
        fd: 3,
        family: 10,
        type: 1,
        protocol: 6,
        local: { address: '192.0.2.1', port: 40000 },
        remote: { address: '2001:db8::2', port: 443 },
      },
      {
        ...heads,
        kind: 'exec',
        parent: 41,
        euid: 0,
        gid: 0,
        egid: 0,
        exitCode: 0,
        path: '/usr/bin/curl',
        cwd: '/',
        cgroup: '/system.slice/a.service',
        args: 'curl -s http://192.0.2.2/',
      },
    ]);
  });

  it('say since when it may have happened where that is in doubt', () => {
    expect(decodeBatch(batch([doubtful])).records).toMatchObject([
      { kind: 'receive', since: 3_604_000_000, time: heads.time },
    ]);
  });

  it('have both ends of what was received where its protocol has no ports', () => {
    const taken = record(at.socketBytes, 7, (view) => {
      view.setUint16(at.protocol, 253, little);
      for (const [field, last] of [
        [at.localAddress, 2],
        [at.remoteAddress, 1],
      ] as const) {
        view.setUint16(field + 10, 0xffff);
        view.setUint32(field + 12, 0xc0000200 + last);
      }
    });
    expect(decodeBatch(batch([taken])).records).toMatchObject([
      { kind: 'receive', local: { address: '192.0.2.2', port: 0 }, remote: { address: '192.0.2.1', port: 0 } },
    ]);
  });

  it('say that a path lacks its beginning', () => {
    expect(decodeBatch(batch([exec(2)])).records[0]).toMatchObject({ path: '.../usr/bin/curl', cwd: '/' });
  });

  it('that are not understood are counted, and those behind them read', () => {
    const unknown = record(at.headerBytes, 99, () => {});
    const short = record(at.headerBytes, 1, () => {});
    const lying = exec(0);
    lying.writeUInt16LE(60_000, at.argsBytes);
    const { records, bad } = decodeBatch(batch([unknown, short, lying, connect]));
    expect(bad).toBe(3);
    expect(records).toHaveLength(1);
  });

  it('end where a size is impossible', () => {
    const endless = record(at.headerBytes, 1, (view) => view.setUint32(at.size, 0xfffffff0, little));
    const empty = record(at.headerBytes, 1, (view) => view.setUint32(at.size, 0, little));
    for (const wrong of [endless, empty]) {
      expect(decodeBatch(batch([connect, wrong, connect]))).toMatchObject({ bad: 1, records: [{ kind: 'connect' }] });
    }
    expect(decodeBatch(batch([connect], (view) => view.setUint32(at.bytes, 1 << 30, little)))).toMatchObject({
      bad: 1,
      records: [],
    });
    expect(decodeBatch(new ArrayBuffer(8)).bad).toBe(1);
  });

  it.skipIf(!built)(
    `lie as the C compiler puts them${built ? '' : ' (skipped: build/sensor.node is not built)'}`,
    () => {
      expect(loadSensorAddon().layout).toEqual(at);
    },
  );
});
