import { createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CorrelateError, fileProblem, messageOf } from '../core/errors.js';
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

/** A file that is still to be written. */
interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Returns the paths of what was written: all of it, or nothing when it throws. Files that exist are never replaced.
 * @throws CorrelateError OUTPUT_OPEN_FAILED, OUTPUT_WRITE_FAILED or CERTIFICATE_UNUSABLE
 */
function makeCertificates(folder: string, { server = [], agent = [], days }: Flags): string[] {
  const now = new Date();
  const files: NewFile[] = [];
  const keep = (name: string, identity: Identity): void => {
    files.push({ path: join(folder, `${name}-key.pem`), text: identity.key, mode: 0o600 });
    files.push({ path: join(folder, `${name}.pem`), text: identity.certificate, mode: 0o644 });
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
  for (const host of new Set(agent)) make(`agent-${encodeURIComponent(host)}`, host, { kind: 'agent' });
  writeAll(folder, files);
  return files.map(({ path }) => path);
}

/** Writes all files; when one cannot be written, those before it are taken away again, with the folder when it was made for them. */
function writeAll(folder: string, files: readonly NewFile[]): void {
  const isNew = !existsSync(folder);
  const made: string[] = [];
  try {
    makeFolder(folder, 0o700);
    for (const { path, text, mode } of files) {
      const file = openSync(path, 'wx', mode);
      made.push(path);
      try {
        writeFileSync(file, text);
      } catch (error) {
        throw new CorrelateError('OUTPUT_WRITE_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
      } finally {
        closeSync(file);
      }
    }
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    if (isNew) removeEmpty(folder);
    throw error instanceof CorrelateError
      ? error
      : new CorrelateError('OUTPUT_OPEN_FAILED', `${placeOf(error) ?? folder}: ${fileProblem(error)}`, {
          cause: error,
        });
  }
}

const placeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).path;

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It was never made, or another program has put something there meanwhile.
  }
}

/** The authority in a folder; undefined where neither its certificate nor its key is there. */
function readAuthority(folder: string): Identity | undefined {
  const certificate = readIfThere(join(folder, 'ca.pem'));
  const key = readIfThere(join(folder, 'ca-key.pem'));
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    const [there, missing] = certificate === undefined ? ['ca-key.pem', 'ca.pem'] : ['ca.pem', 'ca-key.pem'];
    throw new CorrelateError(
      'CERTIFICATE_UNUSABLE',
      `${folder} has ${there} and no ${missing}: both are the authority`,
    );
  }
  const problem = problemOf(certificate, key);
  if (problem !== undefined)
    throw new CorrelateError('CERTIFICATE_UNUSABLE', `the authority in ${folder} (ca.pem, ca-key.pem): ${problem}`);
  return { certificate, key };
}

function problemOf(certificate: string, key: string): string | undefined {
  try {
    const isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    return isPair ? undefined : 'the key is not that of the certificate';
  } catch (error) {
    return messageOf(error);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CorrelateError('CONFIG_OPEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
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
