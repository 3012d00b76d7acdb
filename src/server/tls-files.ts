import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CorrelateError, fileProblem } from '../core/errors.js';

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

/** Reads them, and tells in words which cannot be used, where OpenSSL has a number for it. Throws LISTEN_FAILED. */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): TlsTexts {
  const [cert, key] = [textOf(certFile), textOf(keyFile)];
  const ca = clientCaFile === undefined ? undefined : textOf(clientCaFile);
  const certificate = certificateIn(certFile, cert);
  if (!certificate.checkPrivateKey(keyIn(keyFile, key))) throw failed(keyFile, `it is not the key of ${certFile}`);
  if (clientCaFile === undefined || ca === undefined) return { cert, key };
  certificateIn(clientCaFile, ca);
  return { cert, key, ca };
}

/** The text of a file that an engine needs. Throws LISTEN_FAILED. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw failed(path, fileProblem(error), error);
  }
}

function certificateIn(path: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw failed(path, 'it holds no certificate in PEM form', error);
  }
}

function keyIn(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw failed(path, 'it holds no private key in PEM form that needs no passphrase', error);
  }
}

const failed = (path: string, problem: string, cause?: unknown): CorrelateError =>
  new CorrelateError('LISTEN_FAILED', `${path}: ${problem}`, { cause });
