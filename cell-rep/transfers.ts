import { join } from 'node:path';
import { BLOB_HOST } from '../common/model/well-known.js';
import type { Ground } from '../common/runtime/component-process.js';
import type { Member } from '../common/runtime/group.js';
import { closingMember } from '../common/runtime/group.js';
import { createDownloader } from './actions/download.js';
import { createUploader } from './actions/upload.js';
import type { CellRepConfig } from './config.js';

/** What fetches for a cell, and what sends; `blobs` of its configuration answers for the well-known host. */
export const createTransfers = (
  { stateDir, blobs }: CellRepConfig,
  { clock, random, logger }: Pick<Ground, 'clock' | 'random' | 'logger'>,
) => {
  const hosts = blobs === undefined ? {} : { [BLOB_HOST]: blobs };
  return {
    downloader: createDownloader({ cacheDir: join(stateDir, 'downloads'), clock, logger, hosts }),
    uploader: createUploader({ clock, random, logger, hosts }),
  };
};

/** They close after the cell has stopped. */
export const transferMembers = ({ downloader, uploader }: ReturnType<typeof createTransfers>): Member[] => [
  closingMember('downloader', downloader),
  closingMember('uploader', uploader),
];
