import { createReadStream } from 'node:fs';
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
export const uploadBits = async (
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
