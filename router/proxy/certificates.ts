import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContext, SecureContextOptions } from 'node:tls';

/** A certificate chain and its key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The certificates that a listener shows, by the name that a client asks for. */
export interface Certificates {
  /** the first one serves clients that ask for no name, or one that nobody has */
  find(serverName: string): SecureContext;
}

/** Names in lower case; without alternative names the common name counts. */
const namesOf = (pem: string): string[] => {
  const { subjectAltName, subject } = new X509Certificate(pem);
  const names = [...(subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,]+)/g)].map(([, name]) => name ?? '');
  const common = /(?:^|\n)CN=(.+)/.exec(subject)?.[1];
  return (names.length > 0 || common === undefined ? names : [common]).map((name) => name.toLowerCase());
};

const wildcardOf = (name: string): string => `*${name.slice(name.indexOf('.'))}`;

/** Throws when a pair cannot be used. */
export const createCertificates = (
  pairs: readonly KeyPair[],
  options: SecureContextOptions,
): Certificates => {
  const byName = new Map<string, SecureContext>();
  let first: SecureContext | undefined;
  for (const { cert, key } of pairs) {
    const context = createSecureContext({ ...options, cert, key });
    first ??= context;
    for (const name of namesOf(cert)) if (!byName.has(name)) byName.set(name, context);
  }
  if (!first) throw new Error('a TLS listener needs a certificate');
  const fallback = first;
  return {
    find(serverName) {
      const name = serverName.toLowerCase();
      return byName.get(name) ?? byName.get(wildcardOf(name)) ?? fallback;
    },
  };
};
