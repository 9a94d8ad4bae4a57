/** Which engine is meant, in the words of DOCKER_HOST. */
import type { DockerOptions } from 'dockerode';
import { addressText, bareHost, isLoopback } from '../../../common/model/address.js';
import { OutcryError } from '../../../common/model/errors.js';

/** As its client takes it. */
export type EngineAddress = Pick<DockerOptions, 'socketPath' | 'protocol' | 'host' | 'port'>;

export const DEFAULT_SOCKET = '/var/run/docker.sock';
const DEFAULT_PORT = 2375;

const invalid = (engine: string, reason: string): OutcryError =>
  new OutcryError('DOCKER_HOST_INVALID', { engine, reason });

/** From the words of DOCKER_HOST: `unix:///path`, `tcp://host:port`; a path alone is a socket as well. */
export const parseEngine = (text: string): EngineAddress => {
  if (text.startsWith('/')) return { socketPath: text };
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { socketPath: rest };
  if (scheme !== 'tcp' && scheme !== 'http') {
    throw invalid(text, 'only unix:///PATH and tcp://HOST:PORT are understood');
  }
  const [, host = '', port = ''] = /^(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(rest) ?? [];
  if (host === '') throw invalid(text, 'it names no host');
  return { protocol: 'http', host: bareHost(host), port: Number(port || DEFAULT_PORT) };
};

/** The engine that is named, else that of DOCKER_HOST, else the usual socket. */
export const engineOf = (
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): EngineAddress => {
  const text = named ?? env['DOCKER_HOST'];
  if (!text) return { socketPath: DEFAULT_SOCKET };
  const engine = parseEngine(text);
  if (named === undefined && engine.socketPath === undefined && env['DOCKER_TLS_VERIFY']) {
    throw invalid(text, 'DOCKER_TLS_VERIFY is set, and TLS is not spoken here');
  }
  return engine;
};

/** As people write it, and `parseEngine` reads it. */
export const engineText = ({ socketPath, host = '', port }: EngineAddress): string =>
  socketPath ?? `tcp://${addressText({ host, port: Number(port ?? DEFAULT_PORT) })}`;

/** Whether ports that it opens on loopback are this machine's. */
export const isOnThisMachine = ({ socketPath, host }: EngineAddress): boolean =>
  socketPath !== undefined || isLoopback(host ?? '');
