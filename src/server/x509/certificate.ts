import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { parseAddress } from '../../core/address.js';
import { bits, boolean, explicit, identifier, implicit, integer, octets, sequence, set, time, utf8 } from './der.js';

/** A certificate and its key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate may be used for. */
export type Role =
  | { readonly kind: 'authority' }
  /** DNS names and addresses under which the engine is reached. */
  | { readonly kind: 'server'; readonly names: readonly string[] }
  | { readonly kind: 'agent' };

const oid = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

const DAY_MS = 86_400_000;
/** Clocks of hosts may be behind. */
const BACKDATED_MS = DAY_MS;

/**
 * Makes a key on P-256 and a certificate of it (RFC 5280, version 3), signed by `issuer`, or by itself for an authority.
 * Throws what node:crypto throws when the issuer's files hold no certificate and key.
 */
export function makeIdentity(commonName: string, role: Role, days: number, now: Date, issuer?: Identity): Identity {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
  const signer = issuer === undefined ? pair.privateKey : createPrivateKey(issuer.key);
  const issuerName = issuer === undefined ? nameOf(commonName) : nameOf(commonNameOf(issuer.certificate));
  const issuerKey = issuer === undefined ? publicKey : spkiOf(new X509Certificate(issuer.certificate).publicKey);
  const algorithm = sequence(identifier(oid.ecdsaWithSha256));
  const body = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(serialNumber()),
    algorithm,
    issuerName,
    sequence(time(new Date(now.getTime() - BACKDATED_MS)), time(new Date(now.getTime() + days * DAY_MS))),
    nameOf(commonName),
    publicKey,
    explicit(3, sequence(...extensions(role, publicKey, issuerKey))),
  );
  const certificate = sequence(body, algorithm, bits(sign('sha256', body, signer)));
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

const nameOf = (commonName: string): Buffer => sequence(set(sequence(identifier(oid.commonName), utf8(commonName))));

/** The authorities made here have a common name and nothing else. */
function commonNameOf(certificate: string): string {
  const name = /^CN=(.*)$/.exec(new X509Certificate(certificate).subject)?.[1];
  if (name === undefined) throw new TypeError('the certificate of the authority names more than a common name');
  return name;
}

/** Positive, and at most 20 bytes (RFC 5280 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

/** The hash of the key's bits, which follow the 27 bytes that say what kind of key it is. */
const keyId = (spki: Buffer): Buffer => createHash('sha1').update(spki.subarray(-65)).digest();

function extensions(role: Role, subjectKey: Buffer, issuerKey: Buffer): Buffer[] {
  const isAuthority = role.kind === 'authority';
  const all = [
    extension(oid.basicConstraints, isAuthority ? sequence(boolean(true)) : sequence(), true),
    // keyCertSign and cRLSign are bits 5 and 6, digitalSignature is bit 0.
    extension(oid.keyUsage, isAuthority ? bits(Buffer.of(0x06), 1) : bits(Buffer.of(0x80), 7), true),
    extension(oid.subjectKey, octets(keyId(subjectKey))),
    extension(oid.authorityKey, sequence(implicit(0, keyId(issuerKey)))),
  ];
  if (role.kind === 'server') {
    all.push(extension(oid.extendedUsage, sequence(identifier(oid.serverAuth))));
    all.push(extension(oid.alternativeNames, sequence(...role.names.map(alternativeName))));
  }
  if (role.kind === 'agent') all.push(extension(oid.extendedUsage, sequence(identifier(oid.clientAuth))));
  return all;
}

function extension(id: string, content: Buffer, isCritical = false): Buffer {
  return sequence(identifier(id), ...(isCritical ? [boolean(true)] : []), octets(content));
}

/** dNSName is 2, iPAddress 7 (RFC 5280 4.2.1.6). */
function alternativeName(name: string): Buffer {
  if (isIP(name) === 0) return implicit(2, Buffer.from(name, 'latin1'));
  const { words } = parseAddress(name)!;
  const bytes = Buffer.alloc(words.length * 4);
  for (const [at, word] of words.entries()) bytes.writeUInt32BE(word, at * 4);
  return implicit(7, bytes);
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/(.{64})(?!$)/g, '$1\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
