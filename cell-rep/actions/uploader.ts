import type { UploadAction } from '../../common/model/action.js';

/** `reason` names no URL: what is in its query may be a signature. */
export type UploadResult = { ok: true; bytes: number } | { ok: false; reason: string };

/** Port: sends a file of the cell to where an action says. */
export interface Uploader {
  upload(action: UploadAction, file: string, signal: AbortSignal): Promise<UploadResult>;
}
