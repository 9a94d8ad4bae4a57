import type { DownloadAction } from '../../common/model/action.js';

export type FetchResult =
  | {
      ok: true;
      /** a finished file on the cell */
      file: string;
      bytes: number;
      /** the file is not needed any more; a cache may keep it */
      release(): void;
    }
  | { ok: false; reason: string };

/** Port: brings artifacts onto the cell, checked against their checksum; the cache is its own business. */
export interface Downloader {
  fetch(action: DownloadAction, signal: AbortSignal): Promise<FetchResult>;
}
