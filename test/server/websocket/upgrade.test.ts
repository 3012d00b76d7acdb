import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { upgradeAnswer, upgradeProblem } from '../../../src/server/websocket/upgrade.js';

/** The example of RFC 6455 1.3. */
const headers = {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const request = (more: object = {}, method = 'GET') =>
  ({ method, headers: { ...headers, ...more } }) as unknown as IncomingMessage;

describe('a request to become a WebSocket', () => {
  it('is answered as RFC 6455 says', () => {
    expect(upgradeProblem(request({ upgrade: 'WebSocket' }))).toBeUndefined();
    const answer = upgradeAnswer(request(), 'chat');
    expect(answer).toContain('HTTP/1.1 101 ');
    expect(answer).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    expect(answer.endsWith('\r\nSec-WebSocket-Protocol: chat\r\n\r\n')).toBe(true);
  });

  it.each([
    ['by POST', request({}, 'POST')],
    ['to another protocol', request({ upgrade: 'h2c' })],
    ['of another version', request({ 'sec-websocket-version': '8' })],
    ['without a version', request({ 'sec-websocket-version': undefined })],
    ['without a key', request({ 'sec-websocket-key': undefined })],
    ['with a key that is none', request({ 'sec-websocket-key': 'short' })],
  ])('%s is refused', (_, refused) => {
    expect(upgradeProblem(refused)).toBeDefined();
  });
});
