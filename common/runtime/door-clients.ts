/** Whom a door over TCP lets in, and what it says of those that it turned away. */
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { OutcryError } from '../model/errors.js';
import { createToldCauses } from '../model/told-causes.js';
import type { ClientRole } from '../model/well-known.js';
import type { Logger } from '../ports/logger.js';
import { refusalText } from './door-refusal.js';

export interface DoorClientsOptions {
  /** roles that are let in; undefined = whoever has a certificate of the authority */
  clients: readonly ClientRole[] | undefined;
  /** what listens, as errors name it */
  what: string;
  logger: Logger;
}

export interface DoorClients {
  /** the listener, for those alone who are let in */
  admit(listener: RequestListener): RequestListener;
  /** tells of those whom TLS itself turns away */
  watch(server: Server): void;
}

/** Once per client and cause, since they come again every second. */
const createRefusalLog = (logger: Logger) => {
  const told = createToldCauses();
  return (from: string, { code, message, remedy }: OutcryError): void => {
    if (told.isNew(message)) logger.warn('client-refused', { from, code, message, remedy });
  };
};

/** Where from: a TLS socket that was refused has forgotten it, the connection below it knows once it was asked before. */
const addressOf = (socket: TLSSocket): string => {
  const { _parent: connection } = socket as { _parent?: Socket };
  return connection?.remoteAddress ?? socket.remoteAddress ?? 'an unknown address';
};

/** Why: of a certificate that was refused only the socket knows. Undefined for one who went away half-way. */
const refusalOf = (error: NodeJS.ErrnoException, socket: TLSSocket): string | undefined => {
  const { authorizationError } = socket as { authorizationError: Error | string | null | undefined };
  if (authorizationError) return String(authorizationError);
  return error.code === 'ECONNRESET' ? undefined : error.message;
};

/** A subject may have several of one kind. */
type Subject = Readonly<Record<string, string | string[] | undefined>>;

const subjectOf = (socket: TLSSocket): Subject =>
  // of a connection that has been closed there is none any more
  (socket.getPeerCertificate() as { subject?: Subject } | null)?.subject ?? {};

const textsOf = (value: string | string[] | undefined): string[] => [value ?? []].flat();

const roleProblem = (socket: TLSSocket, options: DoorClientsOptions): OutcryError | undefined => {
  const { clients, what } = options;
  if (clients === undefined) return undefined;
  const { OU, CN } = subjectOf(socket);
  const roles = textsOf(OU);
  if (clients.some((role) => roles.includes(role))) return undefined;
  return new OutcryError('CLIENT_ROLE_REFUSED', {
    what,
    from: addressOf(socket),
    client: textsOf(CN).join(', ') || 'a client without a name',
    role: roles.join(', ') || 'none',
    clients: clients.join(', '),
  });
};

const refuse = (response: ServerResponse, error: OutcryError): void => {
  const text = refusalText(error);
  response.writeHead(403, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    // the next one may come with another certificate
    connection: 'close',
  });
  response.end(text);
};

export const createDoorClients = (options: DoorClientsOptions): DoorClients => {
  const { what } = options;
  const tell = createRefusalLog(options.logger);
  /** a connection's certificate does not change */
  const checked = new WeakMap<TLSSocket, OutcryError | undefined>();

  const problemOf = (socket: TLSSocket): OutcryError | undefined => {
    if (!checked.has(socket)) checked.set(socket, roleProblem(socket, options));
    return checked.get(socket);
  };

  return {
    admit: (listener) => (request, response) => {
      const socket = request.socket as TLSSocket;
      const problem = problemOf(socket);
      if (problem === undefined) return listener(request, response);
      tell(addressOf(socket), problem);
      request.resume();
      refuse(response, problem);
    },
    watch(server) {
      server.on('connection', (connection: Socket) => void connection.remoteAddress);
      server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
        const reason = refusalOf(error, socket);
        if (reason === undefined) return;
        const from = addressOf(socket);
        tell(from, new OutcryError('CLIENT_REFUSED', { what, from, reason }));
      });
    },
  };
};
