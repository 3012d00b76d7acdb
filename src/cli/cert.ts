import { readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CorrelateError, messageOf } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';
import { type Identity, makeIdentity, type Role } from '../server/x509/certificate.js';
import { print } from './print.js';
import { repeated } from './values.js';

interface Flags {
  readonly server?: string[];
  readonly agent?: string[];
  readonly days: number;
}

/** `correlate cert`: an authority of one's own and certificates of it, to try TLS out or to run without another authority. */
export function addCertCommand(program: Command): void {
  program
    .command('cert')
    .description('make certificates for an engine and its agents, signed by an authority of their own')
    .argument('<folder>', 'where they go; an authority that is there (ca.pem, ca-key.pem) is used, else one is made')
    .option('--server <NAME>', 'name or address of the engine (repeatable, one certificate)', repeated(serverName))
    .option('--agent <HOST-ID>', 'host that an agent speaks for (repeatable, a certificate each)', repeated(hostId))
    .option('--days <N>', 'how long they are valid', days, 365)
    .action((folder: string, flags: Flags) => {
      for (const path of makeCertificates(folder, flags)) print(`${path}\n`);
    });
}

/** Returns the paths of what was written. Throws OUTPUT_OPEN_FAILED; files that exist are never replaced. */
function makeCertificates(folder: string, { server = [], agent = [], days }: Flags): string[] {
  const now = new Date();
  const written: string[] = [];
  const keep = (name: string, identity: Identity): void => {
    for (const [path, text, mode] of [
      [join(folder, `${name}-key.pem`), identity.key, 0o600],
      [join(folder, `${name}.pem`), identity.certificate, 0o644],
    ] as const) {
      write(path, text, mode);
      written.push(path);
    }
  };
  let authority = readAuthority(folder);
  if (authority === undefined) {
    authority = makeIdentity('correlate authority', { kind: 'authority' }, days, now);
    keep('ca', authority);
  }
  const make = (name: string, commonName: string, role: Role): void => {
    keep(name, makeIdentity(commonName, role, days, now, authority));
  };
  if (server[0] !== undefined) make('server', server[0], { kind: 'server', names: server });
  for (const host of agent) make(`agent-${encodeURIComponent(host)}`, host, { kind: 'agent' });
  return written;
}

function write(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { mode, flag: 'wx' });
  } catch (error) {
    throw new CorrelateError('OUTPUT_OPEN_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

function readAuthority(folder: string): Identity | undefined {
  try {
    makeFolder(folder, 0o700);
    return {
      certificate: readFileSync(join(folder, 'ca.pem'), 'utf8'),
      key: readFileSync(join(folder, 'ca-key.pem'), 'utf8'),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CorrelateError('OUTPUT_OPEN_FAILED', `${folder}: ${messageOf(error)}`, { cause: error });
  }
}

function serverName(text: string): string {
  if (isIP(text) === 0 && !/^[\w*-][\w.-]{0,252}$/.test(text)) {
    throw new InvalidArgumentError('A host name or an address is wanted.');
  }
  return text;
}

function hostId(text: string): string {
  if (text === '' || text.length > 64) throw new InvalidArgumentError('1 to 64 characters are wanted.');
  return text;
}

function days(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 36_500) {
    throw new InvalidArgumentError('A number of days from 1 to 36500 is wanted.');
  }
  return number;
}
