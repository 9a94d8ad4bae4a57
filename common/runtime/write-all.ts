import { write } from 'node:fs';

const writeOnce = (fd: number, bytes: Buffer, from: number): Promise<number> =>
  new Promise((resolve, reject) =>
    write(fd, bytes, from, bytes.length - from, null, (error, written) =>
      error ? reject(error) : resolve(written),
    ),
  );

/** Adds all of it to an open file, in as many writes as it takes. */
export const writeAll = async (fd: number, bytes: Buffer): Promise<void> => {
  for (let at = 0; at < bytes.length;) at += await writeOnce(fd, bytes, at);
};
