/**
 * A data directory may be used with one runtime today and with another tomorrow, with fewer cells, or with another
 * engine. What a crash has left running of the earlier life, no cell will adopt then: it is removed before cells
 * start, and said; what it ran is started again by the cells that are.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerOptions } from 'dockerode';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { writeWhole } from '../../common/runtime/whole-file.js';
import { askEngine } from './docker/engine.js';
import { engineText } from './docker/engine-address.js';
import type { EngineAddress } from './docker/engine-address.js';
import { prefixOf, removeOfCells } from './docker/leftovers.js';
import { findContainerRoots, removeContainerRoot } from './process/container-root.js';
import { createProcessRuntime } from './process/runtime.js';

export interface LeftoverOptions {
  dataDir: string;
  /** of the cells that will start; whatever is not of it and theirs goes */
  choice: { readonly kind: 'docker'; readonly engine: EngineAddress } | { readonly kind: 'process' };
  cellIds: readonly string[];
  clock: Clock;
  logger: Logger;
}

/** In the data directory: every engine that may still have containers of it. */
const ENGINES_FILE = 'docker-engines.json';

interface KnownEngines {
  engines: DockerOptions[];
  said: string[];
}

const parseEngines = (text: string): DockerOptions[] => {
  const found: unknown = JSON.parse(text);
  if (!Array.isArray(found)) throw new Error('there is no list in it');
  return found as DockerOptions[];
};

/** Put aside, so that it is told once, and kept for whoever can make something of it. */
const putAside = async (file: string, error: unknown, logger: Logger): Promise<string> => {
  const path = `${file}.unreadable`;
  await rename(file, path);
  const { code, message, remedy } = new OutcryError('ENGINES_UNREADABLE', {
    path,
    reason: fileReason(error),
  });
  logger.error('engines-unreadable', { code, message, remedy });
  return `${code}: ${message}; ${remedy}`;
};

const readEngines = async ({ dataDir, logger }: LeftoverOptions): Promise<KnownEngines> => {
  const file = join(dataDir, ENGINES_FILE);
  try {
    return { engines: parseEngines(await readFile(file, 'utf8')), said: [] };
  } catch (error) {
    // never with Docker
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { engines: [], said: [] };
    return { engines: [], said: [await putAside(file, error, logger)] };
  }
};

const writeEngines = async (dataDir: string, engines: readonly DockerOptions[]): Promise<void> => {
  const file = join(dataDir, ENGINES_FILE);
  if (engines.length === 0) return rm(file, { force: true });
  await writeWhole(file, `${JSON.stringify(engines)}\n`);
};

const counted = (count: number): string => `${count} container${count === 1 ? '' : 's'}`;

const toldRemoved = (count: number, where: string): string[] =>
  count === 0
    ? []
    : [`removed ${counted(count)} that an earlier start had left ${where}; what ran there starts again`];

interface EngineOutcome {
  reached: boolean;
  said: string[];
}

const clearEngine = async (
  engine: DockerOptions,
  keep: readonly string[],
  { dataDir, clock, logger }: LeftoverOptions,
): Promise<EngineOutcome> => {
  const where = engineText(engine);
  try {
    const { docker } = await askEngine(engine, clock);
    const count = await removeOfCells(docker, prefixOf(dataDir), keep);
    return { reached: true, said: toldRemoved(count, `in Docker at ${where}`) };
  } catch (error) {
    logger.warn('failed-to-remove-leftovers', { where, error });
    const reason = error instanceof Error ? error.message : String(error);
    const said = `containers of this data directory may still be in Docker: ${reason}; a start that reaches it removes them`;
    return { reached: false, said: [said] };
  }
};

const clearEngines = async (options: LeftoverOptions): Promise<string[]> => {
  const { choice, dataDir, cellIds } = options;
  const chosen = choice.kind === 'docker' ? choice.engine : undefined;
  const isChosen = (engine: DockerOptions): boolean =>
    chosen !== undefined && engineText(engine) === engineText(chosen);
  const { engines, said } = await readEngines(options);
  const others = engines.filter((engine) => !isChosen(engine));
  const known = chosen === undefined ? others : [chosen, ...others];
  // written first: what is made from here on is found again
  await writeEngines(dataDir, known);
  const left: DockerOptions[] = [];
  for (const engine of known) {
    const outcome = await clearEngine(engine, isChosen(engine) ? cellIds : [], options);
    said.push(...outcome.said);
    if (!outcome.reached || isChosen(engine)) left.push(engine);
  }
  await writeEngines(dataDir, left);
  return said;
};

const clearRoot = async (root: string, { clock, logger }: LeftoverOptions): Promise<number> => {
  const runtime = createProcessRuntime({ root, clock, logger: logger.session('leftovers') });
  await runtime.start();
  try {
    const containers = await runtime.adopt();
    await Promise.all(containers.map((container) => container.destroy()));
    return containers.length;
  } finally {
    await runtime.stop();
    await removeContainerRoot(root);
  }
};

const clearProcesses = async (options: LeftoverOptions): Promise<string[]> => {
  const { choice, cellIds, dataDir } = options;
  const keep = choice.kind === 'process' ? cellIds : [];
  let count = 0;
  for (const { cellId, root } of await findContainerRoots(dataDir)) {
    if (!keep.includes(cellId)) count += await clearRoot(root, options);
  }
  return toldRemoved(count, 'as processes');
};

/** Answers what is to be told, a line each. */
export const removeLeftovers = async (options: LeftoverOptions): Promise<string[]> => [
  ...(await clearProcesses(options)),
  ...(await clearEngines(options)),
];
