import { expect, it } from 'vitest';
import { serverPort, trafficKinds } from '../../src/selftest/traffic-kind.js';

it('takes no port that the system may give to a client meanwhile, and none twice', () => {
  const bound = trafficKinds.flatMap(({ client }) => client.options?.bind ?? []);
  const ports = [...trafficKinds.map(serverPort), ...bound].map(Number);
  expect(bound.length).toBeGreaterThan(1);
  // The default of net.ipv4.ip_local_port_range.
  expect(ports.filter((port) => port >= 32_768 && port <= 60_999)).toEqual([]);
  expect(new Set(ports).size).toBe(ports.length);
});
