import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { messageOf } from '../core/errors.js';

/* What is wrong with certificates and keys that engine and agent are given, in words, where OpenSSL has numbers for it or says nothing. */

/** Undefined: nothing. */
export function certificateProblem(text: string): string | undefined {
  try {
    new X509Certificate(text);
    return undefined;
  } catch {
    return 'it holds no certificate in PEM form';
  }
}

/** Undefined: nothing. `certificate` is the text of the one that it should be the key of, which `name` is the file of. */
export function keyProblem(text: string, certificate: string, name: string): string | undefined {
  try {
    const isOwn = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(text));
    return isOwn ? undefined : `it is not the key of ${name}`;
  } catch {
    return 'it holds no private key in PEM form that needs no passphrase';
  }
}

/** What both sides speak with. Throws an error with OpenSSL's reason where it wants none of them, as of a key that is too short. */
export function secureContextOf(texts: {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}): SecureContext {
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', ...texts });
  } catch (error) {
    throw new Error(messageOf(error).replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/, ''), { cause: error });
  }
}
