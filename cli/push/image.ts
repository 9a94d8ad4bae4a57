import { OutcryError } from '../../common/model/errors.js';
import type { Context } from '../context.js';
import type { App } from '../http/resources.js';
import { usageError } from '../args.js';
import type { ManifestApp } from './manifest.js';
import { USAGE } from './options.js';
import type { PackageState } from './upload.js';

/** Applications that are images: nothing is packed and nothing uploaded. */

/** The image that an application is, by its manifest or the options. */
export const imageOf = (app: ManifestApp): string | undefined =>
  (app.docker as { image?: string } | null | undefined)?.image;

/** Keys about source. The manifest's own rules say so as well; here the option may be what does not go with them. */
const SOURCE_KEYS = ['path', 'buildpack', 'buildpacks', 'stack'];

/** What of its manifest does not go with an image. */
export const checkImageKeys = (app: ManifestApp): void => {
  const key = SOURCE_KEYS.find((name) => app[name] !== undefined && app[name] !== null);
  if (key === undefined) return;
  throw usageError(USAGE, `${app.name} is an image, with which ${key} of its manifest does not go`);
};

const WHAT = { docker: 'an image', buildpack: 'pushed source' };

/** Of two that are different an application stays the one that it was made as. */
export const checkLifecycle = (known: App | undefined, wanted: keyof typeof WHAT): void => {
  const was = known?.lifecycle?.type === 'docker' ? 'docker' : 'buildpack';
  if (known === undefined || was === wanted) return;
  throw new OutcryError('LIFECYCLE_FIXED', { app: known.name, was: WHAT[was], wanted: WHAT[wanted] });
};

/** The package's guid. */
export const namePackage = async (context: Context, app: App, image: string): Promise<string> => {
  const { guid } = await context.api().fetch<PackageState>({
    method: 'POST',
    path: '/v3/packages',
    json: { type: 'docker', data: { image }, relationships: { app: { data: { guid: app.guid } } } },
  });
  return guid;
};
