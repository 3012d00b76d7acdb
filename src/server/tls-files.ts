import { readFileSync } from 'node:fs';
import { CorrelateError, fileProblem, messageOf } from '../core/errors.js';
import { certificateProblem, keyProblem, secureContextOf } from '../wire/pem.js';

/** The files of an engine's certificate and key, and of the authority that agents' certificates are of. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile?: string;
}

/** What is in such files, PEM. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

/** Reads them and tells which cannot be used. Throws LISTEN_FAILED. */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): TlsTexts {
  const [cert, key] = [textOf(certFile), textOf(keyFile)];
  refuse(certFile, certificateProblem(cert));
  refuse(keyFile, keyProblem(key, cert, certFile));
  const ca = clientCaFile === undefined ? undefined : textOf(clientCaFile);
  if (clientCaFile !== undefined) refuse(clientCaFile, certificateProblem(ca!));
  const texts = { cert, key, ...(ca !== undefined && { ca }) };
  try {
    secureContextOf(texts);
  } catch (error) {
    refuse([certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].join(', '), messageOf(error));
  }
  return texts;
}

/** The text of a file that an engine needs. Throws LISTEN_FAILED. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CorrelateError('LISTEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
  }
}

function refuse(path: string, problem: string | undefined): void {
  if (problem !== undefined) throw new CorrelateError('LISTEN_FAILED', `${path}: ${problem}`);
}
