import type { FailureKind } from '../core/failures.js';

/** How an attempt ended that brought no answer. */
export interface Failure {
  readonly kind: FailureKind;
  /** in the words that gorouter's users know from Go's errors */
  readonly detail: string;
}

/** Ends an attempt on the router's own decision. */
export class AttemptEnded extends Error {
  override readonly name = 'AttemptEnded';
  readonly failure: Failure;

  constructor(kind: FailureKind, detail: string) {
    super(detail);
    this.failure = { kind, detail };
  }
}

interface SystemError extends Error {
  code?: string;
  syscall?: string;
  /** what undici knows of the socket */
  socket?: { bytesRead?: number };
}

const DIAL_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'connect: connection reset by peer',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ETIMEDOUT: 'i/o timeout',
  UND_ERR_CONNECT_TIMEOUT: 'i/o timeout',
  ENOTFOUND: 'lookup: no such host',
  EAI_AGAIN: 'lookup: temporary failure in name resolution',
  EMFILE: 'socket: too many open files',
};

const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'CERT_REVOKED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Alerts of an endpoint that does not want the router's certificate, or misses one; as in `ERR_SSL_…_ALERT_…`. */
const CERTIFICATE_ALERTS: Readonly<Record<string, string>> = {
  BAD_CERTIFICATE: 'bad certificate',
  UNSUPPORTED_CERTIFICATE: 'unsupported certificate',
  CERTIFICATE_REVOKED: 'revoked certificate',
  CERTIFICATE_EXPIRED: 'expired certificate',
  CERTIFICATE_UNKNOWN: 'unknown certificate',
  UNKNOWN_CA: 'unknown certificate authority',
  CERTIFICATE_REQUIRED: 'certificate required',
};

const HANDSHAKE_WORDS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls: first record does not look like a TLS handshake',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'remote error: tls: handshake failure',
};

/** In TLS 1.3 an endpoint looks at the router's certificate when the router may have written already. */
const refusedCertificate = ({ code = '' }: SystemError): Failure | undefined => {
  const words = CERTIFICATE_ALERTS[/_ALERT_(\w+)$/.exec(code)?.[1] ?? ''];
  return words === undefined
    ? undefined
    : { kind: 'tls-client-cert-refused', detail: `remote error: tls: ${words}` };
};

const tlsFailure = (error: SystemError): Failure | undefined => {
  const code = error.code ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return { kind: 'tls-hostname', detail: `x509: ${error.message}` };
  if (UNTRUSTED.has(code)) return { kind: 'tls-untrusted', detail: `x509: ${error.message}` };
  const refused = refusedCertificate(error);
  if (refused) return refused;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return { kind: 'tls-handshake', detail: HANDSHAKE_WORDS[code] ?? `tls: ${error.message}` };
  }
  return undefined;
};

const dialFailure = (error: SystemError, address: string): Failure => {
  const words = DIAL_WORDS[error.code ?? ''] ?? error.message;
  return { kind: 'dial', detail: `dial tcp ${address}: ${words}` };
};

const lostConnection = (error: SystemError, address: string, servedBefore: boolean): Failure | undefined => {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    const detail = `read tcp ${address}: read: connection reset by peer`;
    return { kind: servedBefore ? 'stale-connection' : 'reset', detail };
  }
  const closed = error.message === 'other side closed' || error.message === 'closed';
  if (error.code !== 'UND_ERR_SOCKET' || !closed) return undefined;
  const reused = servedBefore || (error.socket?.bytesRead ?? 0) > 0;
  return { kind: reused ? 'stale-connection' : 'eof', detail: 'EOF' };
};

export interface FailureContext {
  /** of the endpoint */
  readonly address: string;
  /** the connection stood and the request was being written */
  readonly started: boolean;
  /** the connection had carried answers before */
  readonly servedBefore: boolean;
}

/** What an error of the upstream's connection means. */
export const classifyFailure = (error: Error, context: FailureContext): Failure => {
  if (error instanceof AttemptEnded) return error.failure;
  if (!context.started) return tlsFailure(error) ?? dialFailure(error, context.address);
  return (
    refusedCertificate(error) ??
    lostConnection(error, context.address, context.servedBefore) ?? {
      kind: 'other',
      detail: error.message,
    }
  );
};
