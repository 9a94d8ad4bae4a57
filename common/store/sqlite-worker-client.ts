import { Worker } from 'node:worker_threads';
import type { WorkerAnswer, WorkerFailure, WorkerReply, WorkerRequest } from './sqlite-protocol.js';

/** A request that the worker answered with a failure. The worker itself goes on. */
export class WorkerRequestError extends Error {
  override readonly name = 'WorkerRequestError';
  readonly failure: WorkerFailure;

  constructor(failure: WorkerFailure) {
    super(failure.code === '' ? failure.message : `${failure.code}: ${failure.message}`);
    this.failure = failure;
  }
}

export interface WorkerClient {
  /** rejects with WorkerRequestError, or with another error when the worker is gone */
  request<A extends WorkerAnswer>(request: WorkerRequest): Promise<A>;
  alive(): boolean;
  stop(): Promise<void>;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}

// The worker holds a page or a chunk of a commit at a time, about 1 MB each, besides SQLite's own cache.
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

export const startWorker = (): WorkerClient => {
  const worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), {
    execArgv: [],
    resourceLimits: RESOURCE_LIMITS,
  });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let gone: Error | undefined;

  const settle = (reply: WorkerReply): void => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    // An idle store keeps no process alive; a commit under way does.
    if (waiting.size === 0) worker.unref();
    if (reply.ok) caller?.resolve(reply.value as never);
    else caller?.reject(new WorkerRequestError(reply.failure));
  };

  const end = (error: Error): void => {
    gone ??= error;
    for (const caller of waiting.values()) caller.reject(gone);
    waiting.clear();
  };

  worker.on('message', settle);
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`the store's worker has ended (${code})`)));
  worker.unref();

  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        if (gone) return reject(gone);
        last += 1;
        if (waiting.size === 0) worker.ref();
        waiting.set(last, { resolve: resolve as Waiting['resolve'], reject });
        worker.postMessage({ id: last, request });
      }),
    alive: () => gone === undefined,
    async stop() {
      worker.ref();
      await worker.terminate();
    },
  };
};
