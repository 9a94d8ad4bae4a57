import { createReadStream } from 'node:fs';
import { OutcryError } from '../../common/model/errors.js';
import type { ApiClient } from '../http/api-client.js';
import type { Bundle } from './bundle.js';

const BOUNDARY = 'outcry-package-bits';

const HEAD = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="resources"\r\n\r\n[]\r\n` +
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="bits"; filename="package.zip"\r\n` +
    'Content-Type: application/zip\r\n\r\n',
);
const TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

/** Sends the zip as Cloud Foundry's package upload, streamed. `onSent` is told how many of its bytes are on their way. */
const send = async (
  api: ApiClient,
  packageGuid: string,
  { bundle, onSent }: { bundle: Bundle; onSent(sent: number): void },
): Promise<void> => {
  async function* body(): AsyncIterable<Uint8Array> {
    yield HEAD;
    let sent = 0;
    for await (const chunk of createReadStream(bundle.file)) {
      yield chunk as Buffer;
      sent += (chunk as Buffer).length;
      onSent(sent);
    }
    yield TAIL;
  }
  await api.fetch({
    method: 'POST',
    path: `/v3/packages/${packageGuid}/upload`,
    raw: {
      body: body(),
      contentType: `multipart/form-data; boundary=${BOUNDARY}`,
      contentLength: HEAD.length + bundle.size + TAIL.length,
    },
  });
};

export interface PackageState {
  guid: string;
  state: string;
  data?: { error?: string | null };
}

/** READY, or not yet; PUSH_UPLOAD_REFUSED when the package never will be. */
export const isReady = async (api: ApiClient, guid: string): Promise<boolean> => {
  const { state, data } = await api.fetch<PackageState>({ method: 'GET', path: `/v3/packages/${guid}` });
  if (state === 'FAILED' || state === 'EXPIRED') {
    throw new OutcryError('PUSH_UPLOAD_REFUSED', { reason: data?.error ?? state.toLowerCase() });
  }
  return state === 'READY';
};

/** Sends the bits. A server that hangs up in the middle of it has often told the package why. */
export const uploadBits = async (...args: Parameters<typeof send>): Promise<void> => {
  try {
    await send(...args);
  } catch (error) {
    const [api, guid] = args;
    if (error instanceof OutcryError && error.code === 'API_UNREACHABLE') await isReady(api, guid);
    throw error;
  }
};
