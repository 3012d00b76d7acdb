import { InvalidArgumentError, Option } from 'commander';
import { CorrelateError } from '../core/errors.js';
import { parseSubnetGroup, type SubnetGroup } from '../hosts/registry/host-groups.js';
import type { EngineOptions } from '../pipeline/engine.js';
import { defaultEngineSocket } from '../server/engine-socket.js';
import { repeated } from './values.js';
import { version } from './version.js';

/** Options of `correlate run` about agents and other commands. */
export const listenOptions = [
  new Option('--listen <ADDR:PORT>', 'take agents on this address').argParser(listenAddress),
  new Option('--tls-cert <FILE>', 'certificate of the engine (PEM)'),
  new Option('--tls-key <FILE>', 'its key'),
  new Option(
    '--client-ca <FILE>',
    'take agents with a certificate of this authority alone; its common name is the host id',
  ),
  new Option('--secret-file <FILE>', 'take agents that know this secret alone'),
  new Option('--enrolments <FILE>', 'remember here which agent enrolled under which host id (default: in memory)'),
  new Option('--group <NAME=NETWORK>', 'hosts with an address in NETWORK are a group (repeatable)').argParser(
    repeated(subnetGroup),
  ),
  new Option('--query-log <FILE>', 'record every query to hosts, and what came back'),
  new Option('--engine-socket <FILE>', 'UNIX socket for other commands').default(undefined, defaultEngineSocket()),
];

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenFlags {
  readonly listen?: ListenAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly secretFile?: string;
  readonly enrolments?: string;
  readonly group?: SubnetGroup[];
  readonly queryLog?: string;
  readonly engineSocket?: string;
}

/** `0.0.0.0:9443`, `[::]:9443`. */
function listenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new InvalidArgumentError('ADDRESS:PORT is wanted, for example 0.0.0.0:9443.');
  return { host: match[1] ?? match[2]!, port };
}

function subnetGroup(text: string): SubnetGroup {
  const group = parseSubnetGroup(text);
  if (group === undefined) throw new InvalidArgumentError('NAME=NETWORK is wanted, for example dmz=192.0.2.0/24.');
  return group;
}

/** The engine's part of a run; nothing without --listen. Throws USAGE. */
export function engineOptions(flags: ListenFlags): { engine?: EngineOptions } {
  const { listen, tlsCert, tlsKey, clientCa, secretFile, enrolments, group = [], queryLog, engineSocket } = flags;
  if (listen === undefined) {
    const given = tlsCert ?? tlsKey ?? clientCa ?? secretFile ?? enrolments ?? queryLog ?? engineSocket;
    if (given !== undefined || group.length > 0)
      throw new CorrelateError('USAGE', 'options about agents need --listen');
    return {};
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CorrelateError('USAGE', '--tls-cert and --tls-key belong together');
  }
  if (clientCa !== undefined && tlsCert === undefined)
    throw new CorrelateError('USAGE', '--client-ca needs --tls-cert');
  return {
    engine: {
      version: version(),
      endpoint: {
        ...listen,
        ...(tlsCert !== undefined &&
          tlsKey !== undefined && {
            tls: { certFile: tlsCert, keyFile: tlsKey, ...(clientCa !== undefined && { clientCaFile: clientCa }) },
          }),
        ...(secretFile !== undefined && { secretFile }),
      },
      socket: engineSocket ?? defaultEngineSocket(),
      isDefaultSocket: engineSocket === undefined,
      subnets: group,
      ...(enrolments !== undefined && { enrolments }),
      ...(queryLog !== undefined && { queryLog }),
    },
  };
}
