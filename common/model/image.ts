import type { Result } from './result.js';
import { err, ok } from './result.js';

/** What an image is made to run, as the engine that holds it tells. */
export interface ImageDescription {
  /** the engine's own id of it */
  id: string;
  /** `sha256:…` under which its registry gives this very image again; '' when it came from none */
  digest: string;
  entrypoint: string[];
  command: string[];
  /** '' = root */
  user: string;
  /** '' = / */
  workingDir: string;
  /** TCP ports that it says it listens on, ascending */
  ports: number[];
}

/** `cell.image`, `cell.<id>.image`: what is this image made to run? */
export interface ImageQuery {
  traceId: string;
  /** URL as in a desired LRP */
  rootfs: string;
}

export type ImageStatus = 'pending' | 'found' | 'failed';

export interface ImageReply {
  /** who looks: to be asked again while it is pending */
  cellId: string;
  status: ImageStatus;
  /** why failed; '' otherwise */
  reason: string;
  /** when found */
  image?: ImageDescription;
}

/** An image as people name it, in its parts. */
export interface ImageReference {
  /** host and port; '' = the engine's own */
  registry: string;
  name: string;
  /** a tag, or a digest, which wins */
  version: string;
}

const LONGEST = 512;
const REGISTRY = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|__|_|-+)[a-z0-9]+)*';
const REST = new RegExp(
  `^(${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** As Docker tells a registry from the beginning of a name. */
const isRegistry = (part: string): boolean => part === 'localhost' || /[.:]/.test(part);

/** Reads `[REGISTRY/]NAME[:TAG][@DIGEST]`, as Docker's own command line takes it. The error goes after the field's name. */
export const parseImage = (text: string): Result<ImageReference, string> => {
  if (text.includes('://')) return err('must be an image without a scheme');
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(0, slash));
  const registry = isRegistry(first) ? first : '';
  const [, name, tag = 'latest', digest] = REST.exec(registry === '' ? text : text.slice(slash + 1)) ?? [];
  if (name === undefined || text.length > LONGEST || (registry !== '' && !REGISTRY.test(registry))) {
    return err('must be an image such as nginx, team/web:1.2 or registry.example.com/team/web');
  }
  return ok({ registry, name, version: digest ?? tag });
};

/** The rootfs that cells know an image by, as Diego has it: what follows `#` is a tag or a digest. */
export const imageRootfs = ({ registry, name, version }: ImageReference): string =>
  `docker://${registry}/${name}#${version}`;
