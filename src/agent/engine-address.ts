import { readFileSync } from 'node:fs';
import { connect as connectNet, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { WebSocket } from 'ws';
import { CorrelateError, fileProblem, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { certificateProblem, keyProblem, secureContextOf } from '../wire/pem.js';
import { agentPath, subprotocols } from '../wire/protocol.js';

/** Where the engine is and how both sides prove who they are. */
export interface EngineAddress {
  /** `wss://HOST:PORT` or, without encryption, `ws://HOST:PORT`. */
  readonly server: string;
  readonly secretFile?: string;
  /** Certificate of the authority that signed the engine's; by default those that Node.js trusts. */
  readonly ca?: string;
  /** This agent's certificate and key, where the engine wants one. */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * How long a TCP connection may take to be made, and then TLS and the upgrade: a busy engine answers late, a dead one never. The kernel
 * asks again after a second and then only after two more, which is too late when the network came back in between.
 */
const CONNECT_MS = 2_000;
const HANDSHAKE_MS = 45_000;

/**
 * Reads the files that the address names and gives a function that opens a connection. An engine that goes on resumes the TLS session of the
 * last connection, which spares both sides the certificates. Throws CONFIG_OPEN_FAILED or CONFIG_MALFORMED.
 */
export function engineDialer(address: EngineAddress): () => WebSocket {
  const url = serverUrl(address.server);
  const secret = address.secretFile === undefined ? undefined : fileText(address.secretFile).trim();
  const secureContext = url.protocol === 'wss:' ? contextOf(address) : undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (secureContext === undefined ? 80 : 443));
  let session: Buffer | undefined;
  const connect = (): Socket => {
    if (secureContext === undefined) return connectNet({ host, port });
    const servername = isIP(host) === 0 && { servername: host };
    const socket = connectTls({ secureContext, host, port, ...servername, ...(session !== undefined && { session }) });
    return socket.on('session', (latest) => {
      session = latest;
    });
  };
  return () =>
    new WebSocket(url, [...subprotocols], {
      maxPayload: limits.wireFrameBytes,
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      ...(secret !== undefined && { headers: { authorization: `Bearer ${secret}` } }),
      createConnection: () => {
        const socket = connect();
        const timer = setTimeout(() => socket.destroy(noAnswer()), CONNECT_MS);
        socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
        return socket;
      },
    });
}

const noAnswer = (): Error => Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });

/** Made once: the authorities that Node.js trusts alone are some hundred certificates. */
function contextOf({ ca, cert, key }: EngineAddress): SecureContext {
  const texts = {
    ...(ca !== undefined && { ca: fileText(ca) }),
    ...(cert !== undefined && { cert: fileText(cert) }),
    ...(key !== undefined && { key: fileText(key) }),
  };
  if (ca !== undefined) refuse(ca, certificateProblem(texts.ca!));
  if (cert !== undefined) refuse(cert, certificateProblem(texts.cert!));
  if (cert !== undefined && key !== undefined) refuse(key, keyProblem(texts.key!, texts.cert!, cert));
  try {
    return secureContextOf(texts);
  } catch (error) {
    const names = [ca, cert, key].filter((name) => name !== undefined).join(', ');
    throw new CorrelateError('CONFIG_MALFORMED', `${names}: ${messageOf(error)}`, { cause: error });
  }
}

function refuse(path: string, problem: string | undefined): void {
  if (problem !== undefined) throw new CorrelateError('CONFIG_MALFORMED', `${path}: ${problem}`);
}

function serverUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // told below
  }
  if (url === undefined || (url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.hostname === '') {
    throw new CorrelateError('CONFIG_MALFORMED', `server: ${text} is not of the form wss://HOST:PORT`);
  }
  if (url.pathname === '/') url.pathname = agentPath;
  return url;
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CorrelateError('CONFIG_OPEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
  }
}
