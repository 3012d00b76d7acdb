import { defaultHostLimits, type HostLimits } from '../hosts/state/host-limits.js';

/** Bounds of the join, with what happens at each. */
export interface JoinLimits extends HostLimits {
  /** Connections known at once, decided or not. Beyond it the oldest is decided with what is known, and counted. */
  readonly connections: number;
  /** Connections between the same two endpoints known at once. Beyond it the one that began first is decided so, and counted. */
  readonly connectionsOfTuple: number;
  /** Hosts; rows of further ones are dropped and counted. */
  readonly hosts: number;
}

export const defaultJoinLimits: JoinLimits = {
  ...defaultHostLimits,
  connections: 1_048_576,
  connectionsOfTuple: 256,
  hosts: 65_536,
};
