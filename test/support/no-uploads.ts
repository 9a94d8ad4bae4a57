import type { Uploader } from '../../cell-rep/actions/uploader.js';

/** For cells from which nothing is to be uploaded. */
export const NO_UPLOADS: Uploader = { upload: async () => ({ ok: false, reason: 'no network' }) };
