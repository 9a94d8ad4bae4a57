/** What has become of a request to one of our own doors, in words of who sent it. */

export interface DoorFailure {
  readonly reason: string;
  /** one of the two certificates is not trusted */
  readonly untrusted: boolean;
}

/** What TLS says of certificates, its own or as an alert from the other side. */
const UNTRUSTED = /certificate|CERT_|alert|altnames|self.signed/i;

/** The other side has closed the connection. */
const CLOSED: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * A door closes the connection of a client whose certificate it does not trust, and says nothing: such a client takes
 * itself for connected, as TLS 1.3 has it, and is cut off with its first request.
 */
const CUT_OFF = "it closes the connection, as it does when it does not trust its client's certificate";

export const doorFailure = (error: unknown, overTls: boolean): DoorFailure => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const reason = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  if (overTls && CLOSED.has(code)) return { reason: `${CUT_OFF} (${reason})`, untrusted: true };
  return { reason, untrusted: UNTRUSTED.test(reason) };
};
