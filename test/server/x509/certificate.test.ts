import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeIdentity } from '../../../src/server/x509/certificate.js';

const now = new Date('2026-11-25T00:00:00Z');
const authority = makeIdentity('the authority', { kind: 'authority' }, 30, now);
const names = ['engine.example', '127.0.0.1', '2001:db8::1'];
const server = makeIdentity('engine.example', { kind: 'server', names }, 30, now, authority);
const agent = makeIdentity('web-1', { kind: 'agent' }, 30, now, authority);
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe('certificates', () => {
  it('name whom they are for and when they hold, and are signed by the authority', () => {
    const [ca, engine, host] = [authority, server, agent].map(({ certificate }) => new X509Certificate(certificate));
    expect(engine!.checkIssued(ca!)).toBe(true);
    expect([ca!, engine!, host!].map((each) => each.verify(ca!.publicKey))).toEqual([true, true, true]);
    expect([ca!.ca, engine!.ca, host!.ca]).toEqual([true, false, false]);
    expect([engine!.checkHost('engine.example'), engine!.checkHost('other.example')]).toEqual([
      'engine.example',
      undefined,
    ]);
    expect([engine!.checkIP('127.0.0.1'), engine!.checkIP('2001:db8::1'), engine!.checkIP('127.0.0.2')]).toEqual([
      '127.0.0.1',
      '2001:db8::1',
      undefined,
    ]);
    expect(host!.subject).toBe('CN=web-1');
    expect(new Date(host!.validTo)).toEqual(new Date('2026-12-25T00:00:00Z'));
    const late = makeIdentity('late', { kind: 'agent' }, 36_500, now, authority);
    expect(new Date(new X509Certificate(late.certificate).validTo).getUTCFullYear()).toBe(2126);
  });

  it('let an engine and an agent prove themselves to each other over TLS', async () => {
    const issued = new Date();
    const ca = makeIdentity('ca', { kind: 'authority' }, 2, issued);
    const own = makeIdentity('engine', { kind: 'server', names: ['127.0.0.1'] }, 2, issued, ca);
    const other = makeIdentity('web-1', { kind: 'agent' }, 2, issued, ca);
    const stranger = makeIdentity(
      'web-1',
      { kind: 'agent' },
      2,
      issued,
      makeIdentity('ca', { kind: 'authority' }, 2, issued),
    );
    const listener = createServer({ cert: own.certificate, key: own.key, ca: ca.certificate, requestCert: true });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as { port: number };
    const dial = async ({ certificate: cert, key }: typeof own) => {
      const accepted = new Promise<TLSSocket>((resolve) => listener.once('secureConnection', resolve));
      const refused = new Promise<undefined>((resolve) => listener.once('tlsClientError', () => resolve(undefined)));
      const socket = connect({ port, host: '127.0.0.1', ca: ca.certificate, cert, key });
      socket.on('error', () => {});
      const peer = await Promise.race([accepted, refused]);
      const name = peer?.authorized === true ? peer.getPeerCertificate().subject.CN : undefined;
      socket.destroy();
      peer?.destroy();
      return name;
    };
    expect(await dial(other)).toBe('web-1');
    expect(await dial(stranger)).toBeUndefined();
    await new Promise((resolve) => listener.close(resolve));
  });

  describe.skipIf(!hasOpenssl)('as openssl reads them (skipped without openssl)', () => {
    let folder = '';
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'certificates-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('are well-formed, of version 3, and fit for their purpose alone', () => {
      const path = (name: string, { certificate }: typeof authority) => {
        const file = join(folder, name);
        writeFileSync(file, certificate);
        return file;
      };
      const [ca, engine, host] = [path('ca', authority), path('server', server), path('agent', agent)];
      const verify = (purpose: string, file: string) =>
        spawnSync('openssl', ['verify', '-x509_strict', '-no_check_time', '-purpose', purpose, '-CAfile', ca, file])
          .status;
      expect([verify('sslserver', engine), verify('sslclient', host)]).toEqual([0, 0]);
      expect([verify('sslclient', engine), verify('sslserver', host)]).not.toContain(0);
      const text = execFileSync('openssl', ['x509', '-in', engine, '-noout', '-text'], { encoding: 'utf8' });
      expect(text).toContain('Version: 3 (0x2)');
      expect(text).toContain('DNS:engine.example, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1');
    });
  });
});
