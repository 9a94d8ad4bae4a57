/** Whether an engine answers, and what it is. */
import type Docker from 'dockerode';
import type { DockerOptions } from 'dockerode';
import { OutcryError } from '../../../common/model/errors.js';
import type { Clock } from '../../../common/ports/clock.js';
import { engineText } from './engine-address.js';
import { reasonOf } from './engine-error.js';

/** ms until an engine that does not say whether it is there counts as away */
const PATIENCE_MS = 3_000;

const WORDS: Record<string, string> = {
  ENOENT: 'there is no socket',
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
};

/** Why the engine did not answer, in the registry's words. */
export const engineError = (error: unknown, engine: DockerOptions): OutcryError => {
  if (error instanceof OutcryError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const where = engineText(engine);
  if (code === 'EACCES' || code === 'EPERM')
    return new OutcryError('DOCKER_DENIED', { where }, { cause: error });
  const reason = WORDS[code] ?? reasonOf(error);
  return new OutcryError('DOCKER_UNREACHABLE', { where, reason }, { cause: error });
};

interface Modem {
  dial(options: object, done: (error: unknown, answer: unknown) => void): void;
}

/** A request for which the client has no name, or none that can be given up. */
export const dial = <T>({ modem }: { modem: unknown }, options: object): Promise<T> =>
  new Promise((resolve, reject) =>
    (modem as Modem).dial(options, (error, answer) =>
      error ? reject(error as Error) : resolve(answer as T),
    ),
  );

/** Asks for something small. An OutcryError with a code of the engine's when no answer comes. */
const ask = async <T>(docker: Docker, engine: DockerOptions, options: { path: string; clock: Clock }) => {
  const giveUp = new AbortController();
  const cancel = options.clock.after(PATIENCE_MS, () => giveUp.abort());
  const statusCodes = { 200: true, 500: 'server error' };
  try {
    const request = { path: options.path, method: 'GET', abortSignal: giveUp.signal, statusCodes };
    return await dial<T>(docker, request);
  } catch (error) {
    const late = new Error(`no answer within ${PATIENCE_MS / 1000} s`);
    throw engineError(giveUp.signal.aborted ? late : error, engine);
  } finally {
    cancel();
  }
};

/** Whether the engine answers: throws as `askEngine` does. */
export const pingEngine = async (docker: Docker, engine: DockerOptions, clock: Clock): Promise<void> => {
  await ask(docker, engine, { path: '/_ping', clock });
};

export interface KnownEngine {
  docker: Docker;
  /** `20.10.24` */
  version: string;
}

/** Asks the engine what it is. An OutcryError with a code of the engine's, when it does not say. */
export const askEngine = async (engine: DockerOptions, clock: Clock): Promise<KnownEngine> => {
  // 20 MB of memory, which cells without Docker do without
  const { default: Client } = await import('dockerode');
  const docker = new Client(engine);
  const { Version } = await ask<{ Version: string }>(docker, engine, { path: '/version', clock });
  return { docker, version: Version.replace(/\+.*/, '') };
};
