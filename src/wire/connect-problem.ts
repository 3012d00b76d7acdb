import { messageOf } from '../core/errors.js';

const untrusted =
  'its certificate is of an authority that is not trusted here: the certificate of that authority is for --ca';
const notTls = 'TLS was not understood: is wss:// for an engine without --tls-cert, which wants ws://?';
const unwanted =
  "the engine does not trust this agent's certificate: --cert and --key are to be of the authority of its --client-ca";

/** What an error means whose code begins so, and what helps. The first that fits counts. */
const meanings: readonly (readonly [code: string, meaning: string])[] = [
  [
    'ECONNREFUSED',
    'the connection was refused: nothing listens there, so the engine is not running or has another port',
  ],
  ['ETIMEDOUT', 'nothing answered in time: a firewall may be between, or the address be another'],
  ['EHOSTUNREACH', 'the host cannot be reached: it is off, or the address is another'],
  ['ENETUNREACH', 'there is no way to that network from here'],
  ['ENOTFOUND', 'no address of the host name was found'],
  ['EAI_AGAIN', 'the host name could not be looked up: the name servers of this host do not answer'],
  [
    'ECONNRESET',
    'the connection was closed before it stood: is ws:// for an engine with --tls-cert, which wants wss://?',
  ],
  ['EPIPE', 'the connection was closed before it stood'],
  ['CERT_HAS_EXPIRED', "the engine's certificate has expired (or the clock of this host is wrong)"],
  ['CERT_NOT_YET_VALID', "the engine's certificate is not valid yet (or the clock of this host is wrong)"],
  ['UNABLE_TO_', untrusted],
  ['SELF_SIGNED_', untrusted],
  ['DEPTH_ZERO_SELF_SIGNED_', untrusted],
  ['CERT_UNTRUSTED', untrusted],
  ['CERT_SIGNATURE_FAILURE', untrusted],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'the engine wants a certificate of this agent: --cert and --key'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'the engine wants a certificate of this agent: --cert and --key'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', unwanted],
  ['ERR_SSL_SSLV3_ALERT_', unwanted],
  ['ERR_SSL_WRONG_VERSION_NUMBER', notTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', notTls],
  ['EPROTO', notTls],
];

/** The same of a UNIX socket. */
const ofSockets: typeof meanings = [
  ['ENOENT', 'there is no such socket: no engine of this user runs here, or --engine is to name its --engine-socket'],
  ['ECONNREFUSED', 'no engine listens there: that which made the socket has ended'],
  ['EACCES', 'this user may not use the socket'],
];

/** Of the names in a certificate. */
const SHOWN_CHARS = 300;

/** Why an engine could not be reached, without the call and the address that Node.js names, and what helps. */
export function connectProblem(error: unknown): string {
  const { code, cert } = error as { readonly code?: string; readonly cert?: { readonly subjectaltname?: string } };
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return meaningOf(error, meanings);
  return `the engine's certificate is not for this name, but for ${cert?.subjectaltname?.slice(0, SHOWN_CHARS) || 'none'}`;
}

/** Why the UNIX socket of an engine cannot be used. */
export function socketProblem(error: unknown): string {
  return meaningOf(error, ofSockets);
}

function meaningOf(error: unknown, among: typeof meanings): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return among.find(([begin]) => code.startsWith(begin))?.[1] ?? messageOf(error);
}
