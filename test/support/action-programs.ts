/** Actions that real programs carry out, and a server that they fetch from and send to. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Action, DownloadAction, RunAction, UploadAction } from '../../common/model/action.js';
import { runAction } from './lrps.js';
import { makeRoot, makeZip, removeRoot } from './process-runtime.js';

export interface TransferServer {
  /** of `dir/file.txt`, as every path below `/archive` answers it */
  readonly archive: Buffer;
  readonly base: string;
  /** `METHOD PATH` of every request */
  readonly asked: string[];
  /** what was sent, by path; `/refuse` is refused all the same */
  readonly uploads: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

export const startTransferServer = async (): Promise<TransferServer> => {
  const root = await makeRoot();
  const archive = readFileSync(await makeZip(root));
  const uploads = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(`${request.method} ${url}`);
    if (request.method === 'GET') {
      const known = url.startsWith('/archive');
      return void response.writeHead(known ? 200 : 404).end(known ? archive : '');
    }
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      uploads.set(url, Buffer.concat(pieces));
      response.writeHead(url === '/refuse' ? 403 : 201).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    archive,
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    uploads,
    async close() {
      server.closeAllConnections();
      server.close();
      await removeRoot(root);
    },
  };
};

export const hashOf = (algorithm: string, bytes: Buffer): string =>
  createHash(algorithm).update(bytes).digest('hex');

export const sh = (script: string, more: Partial<RunAction> = {}): Action =>
  runAction({ path: '/bin/sh', args: ['-c', script], user: '', logSource: 'APP', ...more });

export const list = (...actions: Action[]) => ({ actions, logSource: '' });

export const downloadFrom = (base: string, more: Partial<DownloadAction> = {}): Action => ({
  download: {
    artifact: 'parts',
    from: `${base}/archive`,
    to: '.',
    cacheKey: '',
    logSource: 'STG',
    user: '',
    checksumAlgorithm: '',
    checksumValue: '',
    ...more,
  },
});

export const uploadTo = (base: string, more: Partial<UploadAction> = {}): Action => ({
  upload: { artifact: 'result', from: 'out', to: `${base}/out`, logSource: 'STG', user: '', ...more },
});

export const progress = (action: Action): Action => ({
  emitProgress: {
    action,
    startMessage: 'begin',
    successMessage: 'done',
    failureMessagePrefix: 'broken',
    logSource: 'P',
  },
});

export const timed = (action: Action, timeoutMs: number): Action => ({
  timeout: { action, timeoutMs, logSource: '' },
});
