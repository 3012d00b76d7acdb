import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces } from './namespaces.js';
import { type Outage, OutageCampaign } from './outages/campaign.js';

/** `npm run outages` sets the long one. */
const settings =
  process.env.OUTAGES === 'long'
    ? { simulated: 47, trafficMs: 10_000, engineAwayMs: 10_000, partitionMs: 60_000, agentAwayMs: 3_000 }
    : { simulated: 9, trafficMs: 1_000, engineAwayMs: 1_000, partitionMs: 9_000, agentAwayMs: 500 };

const summary = ({ what, equalMs, medianMs, slowest, welcomeMs }: Outage) =>
  `${what}: the last host welcomed again after ${(welcomeMs / 1000).toFixed(1)} s, every host's state equal to its truth ${(equalMs / 1000).toFixed(1)} s after the return (slowest ${slowest}; median ${(medianMs / 1000).toFixed(1)} s)`;

describe.skipIf(!mayMakeNamespaces)(
  `outages with 3 real and ${settings.simulated} simulated hosts (needs root)`,
  () => {
    let campaign: OutageCampaign;

    beforeAll(async () => {
      campaign = new OutageCampaign(settings);
      await campaign.start();
    });
    afterAll(() => campaign?.stop());

    it('leave every host’s state equal to what the host has, each row once, and no host touched', async () => {
      for (const outage of [await campaign.killEngine(), await campaign.partition(), await campaign.killAgent()]) {
        console.log(summary(outage));
      }
      const { wrong, compared, hosts, told, taken, duplicates, dropped, untouched } = await campaign.balance();
      console.log(
        `${hosts} hosts, ${compared} rows compared; simulated hosts told ${told}, the engine took ${taken}; ${duplicates} came twice and were taken once`,
      );
      expect(wrong).toEqual([]);
      expect({ hosts, dropped, untouched }).toEqual({ hosts: settings.simulated + 3, dropped: 0, untouched: true });
      expect(taken).toBe(told);
    });
  },
);
