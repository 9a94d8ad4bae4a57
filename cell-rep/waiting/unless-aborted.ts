/**
 * Queues `job`; undefined as soon as `signal` is aborted before its turn, which it then lets go by. A job that
 * has begun ends as it likes.
 */
export const unlessAborted = <T>(
  signal: AbortSignal,
  queue: (job: () => Promise<T | undefined>) => Promise<T | undefined>,
  job: () => Promise<T>,
): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(undefined);
    const abort = (): void => resolve(undefined);
    signal.addEventListener('abort', abort, { once: true });
    const begin = (): Promise<T | undefined> => {
      if (signal.aborted) return Promise.resolve(undefined);
      signal.removeEventListener('abort', abort);
      return job();
    };
    queue(begin).then(resolve, reject);
  });
