import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentEndpoint, type AgentEndpointOptions } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { makeIdentity } from '../../src/server/x509/certificate.js';

const silent = (): void => {};
let folder: string;
let certFile: string;
let keyFile: string;
let strangeKeyFile: string;
let textFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'correlate-endpoint-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [identity, stranger] = ['a', 'b'].map((name) => makeIdentity(name, { kind: 'authority' }, 1, new Date()));
  certFile = file('cert.pem', identity!.certificate);
  keyFile = file('key.pem', identity!.key);
  strangeKeyFile = file('strange.pem', stranger!.key);
  textFile = file('text', 'no key\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What an engine that could not listen says. */
async function problem(options: Partial<AgentEndpointOptions>): Promise<string> {
  const hub = new AgentHub({
    version: 'test',
    captures: [],
    latenessUs: 1,
    subnets: [],
    enrolments: new Enrolments(),
    queryLog: new QueryLog(join(folder, 'queries.jsonl')),
    emit: silent,
    onEvent: silent,
    warn: silent,
  });
  try {
    const endpoint = await AgentEndpoint.open({ host: '127.0.0.1', port: 0, ...options }, hub, silent);
    await endpoint.close();
    return 'none';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code} ${message}`;
  } finally {
    hub.close();
  }
}

describe('an address that cannot be listened on is told in words', () => {
  it('where another program listens there', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    expect(await problem({ port })).toBe(`LISTEN_FAILED 127.0.0.1:${port}: address already in use`);
    taken.close();
  });

  it('where the host does not have it', async () => {
    const told = await problem({ host: '192.0.2.1', port: 9443 });
    expect(told).toBe('LISTEN_FAILED 192.0.2.1:9443: address not available');
  });

  it('where its name is none', async () => {
    const told = await problem({ host: 'no such name', port: 9443 });
    expect(told).toBe('LISTEN_FAILED no such name:9443: no address of the host name was found');
  });
});

describe('a file of the engine that cannot be used is told with its path', () => {
  const tls = (files: Partial<NonNullable<AgentEndpointOptions['tls']>>) =>
    problem({ tls: { certFile, keyFile, ...files } });

  it('and none where all can', async () => {
    expect(await tls({ clientCaFile: certFile })).toBe('none');
  });

  it('where it is absent', async () => {
    const absent = join(folder, 'absent');
    const told = `LISTEN_FAILED ${absent}: no such file or directory`;
    expect(await problem({ secretFile: absent })).toBe(told);
    expect(await tls({ certFile: absent })).toBe(told);
  });

  it('where it holds no certificate or key', async () => {
    expect(await tls({ certFile: textFile })).toBe(`LISTEN_FAILED ${textFile}: it holds no certificate in PEM form`);
    expect(await tls({ clientCaFile: keyFile })).toBe(`LISTEN_FAILED ${keyFile}: it holds no certificate in PEM form`);
    const told = `LISTEN_FAILED ${textFile}: it holds no private key in PEM form that needs no passphrase`;
    expect(await tls({ keyFile: textFile })).toBe(told);
  });

  it('where the key is that of another certificate', async () => {
    const told = `LISTEN_FAILED ${strangeKeyFile}: it is not the key of ${certFile}`;
    expect(await tls({ keyFile: strangeKeyFile })).toBe(told);
  });
});
