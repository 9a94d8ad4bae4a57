/** How processes of a container, and it itself, come to be gone. */
import { unless } from './engine-error.js';
import type { Parts } from './parts.js';

/** ms for killed processes to end, before they are removed all the same */
const PATIENCE_MS = 5_000;
const GONE = 404;

export const forget = async ({ cell, processes }: Parts, idPrefix: string): Promise<void> => {
  for (const [id, one] of processes) {
    if (!id.startsWith(idPrefix) || one.info().running) continue;
    await unless([GONE], cell.docker.getContainer(one.engineId).remove({ v: true }));
    one.close();
    processes.delete(id);
  }
};

const killAll = async ({ cell, processes }: Parts): Promise<void> => {
  const all = [...processes.values()];
  await Promise.all(all.map((one) => one.kill()));
  const ended = Promise.all(all.map((one) => one.running.exited));
  let cancel = (): void => undefined;
  const late = new Promise((resolve) => (cancel = cell.clock.after(PATIENCE_MS, () => resolve(undefined))));
  await Promise.race([ended, late]);
  cancel();
};

export const destroyAll = async (parts: Parts): Promise<void> => {
  const { cell, record, processes } = parts;
  const { guid } = record.spec;
  await killAll(parts);
  const found = await cell.docker.listContainers({ all: true, filters: cell.names.filter(guid) });
  const removals = found.map(({ Id }) =>
    unless([GONE], cell.docker.getContainer(Id).remove({ force: true, v: true })),
  );
  await Promise.all(removals);
  for (const one of processes.values()) one.close();
  // the record goes last: whoever finds it knows whose the rest is
  await unless([GONE], cell.docker.getVolume(cell.names.volume(guid)).remove());
  cell.release(record);
};
