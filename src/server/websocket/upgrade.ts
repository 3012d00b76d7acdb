import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Why a request to upgrade is none to become a WebSocket (RFC 6455 4.2.1); undefined when it is. */
export function upgradeProblem({ method, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return 'WebSockets begin with GET';
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'this is no WebSocket';
  if (headers['sec-websocket-version'] !== VERSION) return `this engine speaks version ${VERSION} of WebSockets`;
  return keyPattern.test(headers['sec-websocket-key'] ?? '') ? undefined : 'Sec-WebSocket-Key is none';
}

/** The answer to a request without such a problem. No extension is agreed on. */
export function upgradeAnswer({ headers }: IncomingMessage, protocol: string): string {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
