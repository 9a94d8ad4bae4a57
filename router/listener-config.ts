import { FILE_PATH, PORT } from '../common/runtime/config.js';
import type { ConfigSchema, ReportProblem } from '../common/runtime/config.js';
import type { KeyPairFiles } from '../common/runtime/tls-files.js';
import type { KeyPair } from './proxy/certificates.js';

type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What can be said of the doors for clients; names as gorouter's. */
export interface ListenerUserConfig {
  host: string;
  port: number;
  disable_http: boolean;
  enable_proxy: boolean;
  enable_ssl: boolean;
  ssl_port: number;
  tls_pem: { cert_chain: string; private_key: string }[];
  tls_files: { cert_chain: string; private_key: string }[];
  client_cert_validation: 'none' | 'request' | 'require';
  client_ca_certs?: string;
  min_tls_version: TlsVersion;
  max_tls_version: TlsVersion;
  cipher_suites?: string;
}

export interface TlsRules {
  readonly pairs: readonly KeyPair[];
  /** read at the start, and again when certificates are renewed */
  readonly files: readonly KeyPairFiles[];
  readonly clientCertificates: 'none' | 'request' | 'require';
  /** PEM: authorities of clients' certificates; undefined = the system's */
  readonly ca?: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** as OpenSSL lists them; Node's own when absent */
  readonly ciphers?: string;
}

/** The doors for clients. Port 0 takes a free one. */
export interface ListenerRules {
  /** undefined when there is no plain one */
  readonly plain: { readonly host: string; readonly port: number } | undefined;
  readonly tlsListen: { readonly host: string; readonly port: number } | undefined;
  readonly tls: TlsRules | undefined;
  /** secured connections may speak HTTP/2 */
  readonly http2: boolean;
  /** a load balancer says whom it speaks for (PROXY protocol) */
  readonly proxyProtocol: boolean;
}

const text = { type: 'string', minLength: 1 } as const;
const flag = (description: string) => ({ type: 'boolean', description }) as const;
const version = (description: string) =>
  ({ type: 'string', enum: ['TLSv1.2', 'TLSv1.3'], description }) as const;

export const LISTENER_SCHEMA: Readonly<Record<keyof ListenerUserConfig, ConfigSchema>> = {
  host: { ...text, description: 'address to listen at' },
  port: { ...PORT, description: 'TCP port to listen at' },
  disable_http: flag('do not listen without TLS'),
  enable_proxy: flag('load balancers tell by the PROXY protocol, version 1 or 2, whom they speak for'),
  enable_ssl: flag('listen with TLS too'),
  ssl_port: { ...PORT, description: 'TCP port to listen at with TLS' },
  tls_pem: {
    type: 'array',
    description: 'certificates shown to clients, by the name that they ask for; the first to all others',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['cert_chain', 'private_key'],
      properties: {
        cert_chain: { ...text, description: 'certificate and those between it and its authority, PEM' },
        private_key: { ...text, description: 'its key, PEM' },
      },
    },
  },
  tls_files: {
    type: 'array',
    description: 'the same as files, before those of `tls_pem`; SIGHUP has them read again',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['cert_chain', 'private_key'],
      properties: {
        cert_chain: { ...FILE_PATH, description: 'file of the certificate and those above it' },
        private_key: { ...FILE_PATH, description: 'file of its key' },
      },
    },
  },
  client_cert_validation: {
    type: 'string',
    enum: ['none', 'request', 'require'],
    description: 'whether clients show a certificate: not asked, if they have one, or always',
  },
  client_ca_certs: {
    ...text,
    description: "authorities of clients' certificates, PEM; the system's when absent",
  },
  min_tls_version: version('oldest version of TLS that clients may speak'),
  max_tls_version: version('newest version of TLS that clients may speak'),
  cipher_suites: { ...text, description: "as OpenSSL lists them; Node's own when absent" },
};

export const LISTENER_DEFAULTS: ListenerUserConfig = {
  host: '127.0.0.1',
  port: 8080,
  disable_http: false,
  enable_proxy: false,
  enable_ssl: false,
  ssl_port: 8443,
  tls_pem: [],
  tls_files: [],
  client_cert_validation: 'none',
  min_tls_version: 'TLSv1.2',
  max_tls_version: 'TLSv1.2',
};

const tlsRules = (full: ListenerUserConfig): TlsRules => ({
  pairs: full.tls_pem.map(({ cert_chain, private_key }) => ({ cert: cert_chain, key: private_key })),
  files: full.tls_files.map(({ cert_chain, private_key }) => ({
    certFile: cert_chain,
    keyFile: private_key,
  })),
  clientCertificates: full.client_cert_validation,
  ...(full.client_ca_certs === undefined ? {} : { ca: full.client_ca_certs }),
  minVersion: full.min_tls_version,
  maxVersion: full.max_tls_version,
  ...(full.cipher_suites === undefined ? {} : { ciphers: full.cipher_suites }),
});

export const compileListeners = (
  full: ListenerUserConfig & { enable_http2: boolean },
  report: ReportProblem,
): ListenerRules => {
  if (full.enable_ssl && full.tls_pem.length + full.tls_files.length === 0) {
    report('tls_pem', 'is needed with enable_ssl, or tls_files');
  }
  if (full.disable_http && !full.enable_ssl) report('enable_ssl', 'is needed with disable_http');
  return {
    plain: full.disable_http ? undefined : { host: full.host, port: full.port },
    tlsListen: full.enable_ssl ? { host: full.host, port: full.ssl_port } : undefined,
    tls: full.enable_ssl ? tlsRules(full) : undefined,
    http2: full.enable_http2,
    proxyProtocol: full.enable_proxy,
  };
};
