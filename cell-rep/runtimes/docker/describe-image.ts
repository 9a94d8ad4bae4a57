/** What the engine knows of an image beyond what runs it. */
import type Docker from 'dockerode';
import type { ImageInspectInfo } from 'dockerode';
import type { ImageDescription } from '../../../common/model/image.js';
import { statusOf } from './engine-error.js';

const GONE = 404;

const listed = (value: string | string[] | null | undefined): string[] =>
  typeof value === 'string' ? [value] : (value ?? []);

/** `8080/tcp` and the like. */
const tcpPorts = (exposed: Record<string, unknown> | null | undefined): number[] =>
  Object.keys(exposed ?? {})
    .filter((key) => /^\d+(\/tcp)?$/.test(key))
    .map((key) => parseInt(key, 10))
    .sort((a, b) => a - b);

/** As the engine writes repositories: its own registry is left out. */
const repository = (reference: string): string =>
  reference
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
    .replace(/^docker\.io\//, '')
    .replace(/^library\//, '');

/** Under which the reference's own registry gives this image; an image may have come from others as well. */
const digestOf = ({ RepoDigests }: ImageInspectInfo, reference: string): string => {
  const found = (RepoDigests ?? []).find((one) => repository(one) === repository(reference));
  return found?.split('@')[1] ?? '';
};

/** Rejects with 404 when the engine has no such image. */
export const inspectImage = async (docker: Docker, reference: string): Promise<ImageDescription> => {
  const info = await docker.getImage(reference).inspect();
  const { Id, Config } = info;
  return {
    id: Id,
    digest: digestOf(info, reference),
    entrypoint: listed(Config.Entrypoint),
    command: listed(Config.Cmd),
    user: Config.User ?? '',
    workingDir: Config.WorkingDir ?? '',
    ports: tcpPorts(Config.ExposedPorts),
  };
};

/** Undefined when the engine has no such image. */
export const describeImage = async (
  docker: Docker,
  reference: string,
): Promise<ImageDescription | undefined> => {
  try {
    return await inspectImage(docker, reference);
  } catch (error) {
    if (statusOf(error) === GONE) return undefined;
    throw error;
  }
};
