import { rename, writeFile } from 'node:fs/promises';

/** Writes a file that only its owner reads, whole or not at all: who is killed in between leaves the version before. */
export const writeWhole = async (path: string, text: string): Promise<void> => {
  const beside = `${path}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  await rename(beside, path);
};
