import { byLabel, type Metric, single } from '../core/metric.js';
import type { Presence } from '../hosts/registry/registered-host.js';
import type { AgentHub } from './agent-hub.js';

/** What the engine counts of its agents. */
export function hubMetrics(hub: AgentHub): Metric[] {
  const presences: Record<Presence, number> = { joining: 0, joined: 0, silent: 0, left: 0 };
  const sums = { rows: 0, duplicates: 0, dropped: 0, redacted: 0 };
  for (const host of hub.registry.all()) {
    presences[host.presence]++;
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += host[key];
  }
  return [
    byLabel('gauge', 'correlate_agent_hosts', 'Hosts that agents have spoken for.', 'presence', presences),
    single('gauge', 'correlate_agent_connections', 'Connections of agents that are open.', hub.connections),
    single('gauge', 'correlate_agent_queue_connections', 'Connections whose frames wait to be worked on.', hub.busy),
    single('gauge', 'correlate_agent_queue_bytes', 'Bytes of those frames.', hub.queuedBytes),
    single('gauge', 'correlate_host_queries_waiting', 'Queries that hosts have not answered yet.', hub.queries.waiting),
    // Of hosts that are known now: one that is forgotten takes its share along.
    single('gauge', 'correlate_agent_rows', 'Rows that known hosts have told.', sums.rows),
    single(
      'gauge',
      'correlate_agent_rows_repeated',
      'Rows that they told again and that were passed over.',
      sums.duplicates,
    ),
    single('gauge', 'correlate_agent_rows_dropped', 'Rows that their agents had to drop.', sums.dropped),
    single(
      'gauge',
      'correlate_agent_texts_redacted',
      'Command lines in which their agents hid something.',
      sums.redacted,
    ),
    byLabel('counter', 'correlate_agents_cut_off_total', 'Connections of agents cut off.', 'reason', hub.cutOff),
  ];
}
