import { expect, it } from 'vitest';
import { listenProblem } from '../../src/core/errors.js';

it.each([
  ['listen EADDRINUSE: address already in use 127.0.0.1:9443', 'address already in use'],
  ['listen EADDRINUSE: address already in use :::9443', 'address already in use'],
  ['listen EACCES: permission denied /run/a b/engine.sock', 'permission denied'],
  ['listen EACCES: permission denied engine.sock', 'permission denied'],
  ["EACCES: permission denied, mkdir '/run/correlate'", 'permission denied'],
  ['getaddrinfo ENOTFOUND engine.invalid', 'no address of the host name was found'],
  ['another engine answers there', 'another engine answers there'],
])('what hinders listening is told without its call and address: %s', (message, told) => {
  expect(listenProblem(new Error(message))).toBe(told);
});
