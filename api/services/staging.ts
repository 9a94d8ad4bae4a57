import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Detection } from '../../common/model/detect.js';
import { detect } from '../../common/model/detect.js';
import { finishBuild } from '../core/packages.js';
import type { BuildRow, PackageRow } from '../core/rows.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';
import { readArchive } from './archive.js';
import type { Background } from './background.js';
import type { Logs } from './logs.js';

/** Turns packages into droplets: the package is the droplet, staging finds out how it is started. */
export interface Staging {
  /** takes up builds that an earlier life began */
  start(): void;
  stage(build: BuildRow): void;
}

export interface StagingOptions {
  state: State;
  blobs: BlobStore;
  logs: Logs;
  background: Background;
  logger: Logger;
}

const PROCFILE = 'Procfile';
const PACKAGE_JSON = 'package.json';

export const createStaging = (options: StagingOptions): Staging => {
  const { state, blobs, logs, background, logger } = options;

  const tell = (build: BuildRow, text: string, stream: 'OUT' | 'ERR' = 'OUT'): void =>
    logs.tell({ sourceId: build.appGuid, sourceType: 'STG', text, stream });

  const inspect = async (source: PackageRow): Promise<Result<Detection, string>> => {
    const contents = await readArchive(blobs.path(source.blob), [PROCFILE, PACKAGE_JSON]);
    if (!contents.ok) return err(`StagingError - the package cannot be read: ${contents.error}`);
    const { names, texts } = contents.value;
    const [procfile, packageJson] = [texts.get(PROCFILE), texts.get(PACKAGE_JSON)];
    return ok(
      detect({
        has: (path) => names.has(path),
        ...(procfile === undefined ? {} : { procfile }),
        ...(packageJson === undefined ? {} : { packageJson }),
      }),
    );
  };

  const finish = async (build: BuildRow): Promise<void> => {
    const source = state.tables.packages.get(build.packageGuid);
    const outcome = source ? await inspect(source) : err('StagingError - the package has gone');
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
    start() {
      for (const [, build] of state.tables.builds.entries()) if (build.state === 'STAGING') stage(build);
    },
  };
};
