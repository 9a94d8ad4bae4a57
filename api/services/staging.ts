import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Logger } from '../../common/ports/logger.js';
import { detect } from '../../common/model/detect.js';
import { imageRootfs, parseImage } from '../../common/model/image.js';
import { commandText, dropletImage, imageCommand } from '../core/droplet-image.js';
import type { Staged } from '../core/packages.js';
import { finishBuild } from '../core/packages.js';
import type { BuildRow, DropletImage, PackageRow } from '../core/rows.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';
import { readArchive } from './archive.js';
import type { Background } from './background.js';
import type { Images } from './images.js';
import type { Logs } from './logs.js';

/** Turns packages into droplets: the package is the droplet, staging finds out how it is started. */
export interface Staging {
  /** takes up builds that an earlier life began */
  start(): void;
  /** leaves those that are not done to the next life */
  stop(): void;
  stage(build: BuildRow): void;
}

export interface StagingOptions {
  state: State;
  blobs: BlobStore;
  images: Images;
  logs: Logs;
  background: Background;
  logger: Logger;
}

const PROCFILE = 'Procfile';
const PACKAGE_JSON = 'package.json';

const stagedImage = (image: DropletImage): Staged => {
  const command = commandText(imageCommand(image));
  return command === ''
    ? { processTypes: {}, detectedFrom: '', image }
    : { processTypes: { web: command }, detectedFrom: 'the image', image };
};

export const createStaging = (options: StagingOptions): Staging => {
  const { state, blobs, images, logs, background, logger } = options;

  const tell = (build: BuildRow, text: string, stream: 'OUT' | 'ERR' = 'OUT'): void =>
    logs.tell({ sourceId: build.appGuid, sourceType: 'STG', text, stream });

  const inspect = async (source: PackageRow): Promise<Result<Staged, string>> => {
    const contents = await readArchive(blobs.path(source.blob), [PROCFILE, PACKAGE_JSON]);
    if (!contents.ok) return err(`StagingError - the package cannot be read: ${contents.error}`);
    const { names, texts } = contents.value;
    const [procfile, packageJson] = [texts.get(PROCFILE), texts.get(PACKAGE_JSON)];
    const detected = detect({
      has: (path) => names.has(path),
      ...(procfile === undefined ? {} : { procfile }),
      ...(packageJson === undefined ? {} : { packageJson }),
    });
    return ok({ ...detected, image: null });
  };

  const lookUp = async ({ image }: PackageRow): Promise<Result<Staged, string> | undefined> => {
    const reference = parseImage(image);
    if (!reference.ok) return err(`StagingError - the image ${reference.error}`);
    const found = await images.describe(imageRootfs(reference.value));
    if (!found) return undefined;
    if (!found.ok) return err(found.error.replace(' - ', ` - the image ${image} cannot be used: `));
    return ok(stagedImage(dropletImage(image, reference.value, found.value)));
  };

  const outcomeOf = async (build: BuildRow): Promise<Result<Staged, string> | undefined> => {
    const source = state.tables.packages.get(build.packageGuid);
    if (!source) return err('StagingError - the package has gone');
    return source.type === 'docker' ? lookUp(source) : inspect(source);
  };

  const finish = async (build: BuildRow): Promise<void> => {
    const outcome = await outcomeOf(build);
    if (!outcome) return;
    const done = await state.change((tables, context) =>
      finishBuild(tables, context, { guid: build.guid, outcome }),
    );
    if (!done) return;
    const from =
      outcome.ok && outcome.value.detectedFrom !== '' ? outcome.value.detectedFrom : 'the app itself';
    if (done.state === 'FAILED') tell(build, done.error, 'ERR');
    else tell(build, `Staging complete: start command from ${from}`);
    logger.info('staged', { buildGuid: build.guid, state: done.state });
  };

  const stage = (build: BuildRow): void => {
    tell(build, `Staging package ${build.packageGuid}`);
    background.run('stage', () => finish(build));
  };

  return {
    stage,
    stop: images.stop,
    start() {
      for (const [, build] of state.tables.builds.entries()) if (build.state === 'STAGING') stage(build);
    },
  };
};
