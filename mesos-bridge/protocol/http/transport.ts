import { Client } from 'undici';

/** PEM texts; with none of them the authorities that Node.js knows are trusted. */
export interface MesosTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** ms until a connection must stand */
const CONNECT_MS = 10_000;

/** One connection of its own: nothing is sent over it but what is asked of this client. Times are kept by who asks. */
export const openConnection = (origin: string, tls: MesosTls | undefined, pipelining = 1): Client =>
  new Client(origin, {
    pipelining,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...tls, timeout: CONNECT_MS },
  });

/**
 * Breaks it off; what waits on it fails. Not at once: a client does not bear it from within what it calls. It is still
 * before anything that waits could be sent over a new connection.
 */
export const breakOff = (client: Client, reason: string): void =>
  void Promise.resolve()
    .then(() => client.destroy(new Error(reason)))
    .catch(() => undefined);

/** Of an answer's text as much as is worth showing. */
const MAX_TEXT_BYTES = 16 * 1024;

/** Collects the text of an answer, a long one up to where it stops being of use. */
export const createTextCollector = () => {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  return {
    push(chunk: Uint8Array): void {
      if (bytes < MAX_TEXT_BYTES) parts.push(chunk);
      bytes += chunk.length;
    },
    text: (): string => Buffer.concat(parts).subarray(0, MAX_TEXT_BYTES).toString('utf8').trim(),
  };
};

export type HeaderValues = Readonly<Record<string, string | string[] | undefined>>;

export const headerOf = (headers: HeaderValues, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};
