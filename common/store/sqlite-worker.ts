import { parentPort } from 'node:worker_threads';
import { failureOf } from './sqlite-failure.js';
import { openSqliteFile } from './sqlite-file.js';
import type { SqliteFile } from './sqlite-file.js';
import type { WorkerAnswer, WorkerReply, WorkerRequest } from './sqlite-protocol.js';

/** The thread on which SQLite waits for the disk. It serves all open files of one engine, in order of arrival. */
const files = new Map<number, SqliteFile>();

const fileOf = (store: number): SqliteFile => {
  const file = files.get(store);
  if (!file) throw new Error(`store ${store} is not open`);
  return file;
};

const open = (request: Extract<WorkerRequest, { op: 'open' }>): WorkerAnswer => {
  const file = openSqliteFile(request);
  files.set(request.store, file);
  return file.opened;
};

const close = (store: number): void => {
  files.get(store)?.close();
  files.delete(store);
};

const handle = (request: WorkerRequest): WorkerAnswer => {
  switch (request.op) {
    case 'open':
      return open(request);
    case 'page':
      return fileOf(request.store).page(request.table, request.after);
    case 'stage':
      fileOf(request.store).stage(request.changes);
      return null;
    case 'commit':
      return fileOf(request.store).commit(request);
    case 'finish-migration':
      fileOf(request.store).finishMigration();
      return null;
    case 'sequence':
      return fileOf(request.store).sequence();
    case 'close':
      close(request.store);
      return null;
  }
};

const answer = ({ id, request }: { id: number; request: WorkerRequest }): WorkerReply => {
  try {
    return { id, ok: true, value: handle(request) };
  } catch (error) {
    return { id, ok: false, failure: failureOf(error) };
  }
};

parentPort?.on('message', (message: { id: number; request: WorkerRequest }) => {
  parentPort?.postMessage(answer(message));
});
