/** How configurations name doors, and the ends that lead to them. */
import { CLIENT_ROLES } from '../model/well-known.js';
import type { ClientRole } from '../model/well-known.js';
import { LONGEST_SOCKET_PATH } from './door.js';
import type { DoorAddress } from './door.js';
import type { Endpoint } from './endpoint.js';
import { FILE_PATH, PORT } from './config.js';
import type { ConfigSchema, ReportProblem } from './config.js';
import type { TlsFiles } from './tls-files.js';

export interface UserTls {
  cert: string;
  key: string;
  ca: string;
}

export interface UserDoor {
  socket?: string;
  host?: string;
  port?: number;
  tls?: UserTls & { clients?: ClientRole[] };
}

export interface UserEndpoint {
  socket?: string;
  url?: string;
  tls?: UserTls;
}

const tls = (whose: string, more: Record<string, ConfigSchema> = {}): ConfigSchema => ({
  type: 'object',
  additionalProperties: false,
  required: ['cert', 'key', 'ca'],
  description: 'mutual TLS',
  properties: {
    cert: { ...FILE_PATH, description: `PEM file: certificate of ${whose}` },
    key: { ...FILE_PATH, description: 'PEM file: its private key' },
    ca: { ...FILE_PATH, description: 'PEM file: the authority whose certificates are trusted' },
    ...more,
  },
});

const clients: ConfigSchema = {
  type: 'array',
  items: { enum: CLIENT_ROLES },
  minItems: 1,
  uniqueItems: true,
  description:
    'roles that are let in, as certificates have them in their organizational unit (OU); when absent: whoever has a certificate of `ca`',
};

export const doorSchema = (what: string): ConfigSchema => ({
  type: 'object',
  additionalProperties: false,
  description: `where ${what} is: a unix socket, or host, port and tls`,
  properties: {
    socket: { ...FILE_PATH, description: 'unix socket, made with mode 0600' },
    host: { type: 'string', minLength: 1, description: 'address of this machine to listen at' },
    port: { ...PORT, description: 'TCP port' },
    tls: tls('this listener', { clients }),
  },
});

export const endpointSchema = (what: string): ConfigSchema => ({
  type: 'object',
  additionalProperties: false,
  description: `where ${what} is found: a unix socket, or url and tls`,
  properties: {
    socket: { ...FILE_PATH, description: 'unix socket' },
    url: { type: 'string', pattern: '^https://[^/]+$', description: '`https://HOST:PORT`' },
    tls: tls('this client'),
  },
});

const tlsFiles = ({ cert, key, ca }: UserTls): TlsFiles => ({ certFile: cert, keyFile: key, caFile: ca });

const checkSocket = (socket: string, field: string, report: ReportProblem): void => {
  if (Buffer.byteLength(socket) > LONGEST_SOCKET_PATH) {
    report(`${field}.socket`, `is longer than ${LONGEST_SOCKET_PATH} bytes, which no socket's path may be`);
  }
};

/** Where a door is; `field` is its key, for problems. */
export const compileDoor = (door: UserDoor, field: string, report: ReportProblem): DoorAddress => {
  const { socket, host, port, tls: files } = door;
  if (socket !== undefined) {
    if ([host, port, files].some((one) => one !== undefined)) {
      report(field, 'has a socket and a host, port or tls: give one');
    }
    checkSocket(socket, field, report);
    return { socketPath: socket };
  }
  if (host === undefined || port === undefined) report(field, 'needs a socket, or host, port and tls');
  else if (files === undefined) report(`${field}.tls`, 'is missing: over TCP a certificate is asked for');
  const { clients: roles, ...identity } = files ?? { cert: '', key: '', ca: '' };
  const place = { host: host ?? '', port: port ?? 0, tls: tlsFiles(identity) };
  return roles === undefined ? place : { ...place, clients: roles };
};

/** Where a client goes; `field` is its key, for problems. */
export const compileEndpoint = (end: UserEndpoint, field: string, report: ReportProblem): Endpoint => {
  const { socket, url, tls: files } = end;
  if (socket !== undefined) {
    if (url !== undefined || files !== undefined) report(field, 'has a socket and a url or tls: give one');
    checkSocket(socket, field, report);
    return { socketPath: socket };
  }
  if (url === undefined) report(field, 'needs a socket, or url and tls');
  else if (files === undefined) report(`${field}.tls`, 'is missing: over TCP a certificate is asked for');
  return { url: url ?? '', tls: tlsFiles(files ?? { cert: '', key: '', ca: '' }) };
};
