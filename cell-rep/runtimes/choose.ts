import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { RuntimeConfig } from '../config.js';
import type { ContainerRuntime } from '../core/container-runtime.js';
import { prefixOf } from './docker/leftovers.js';
import { chooseContainerRoot } from './process/container-root.js';
import { createProcessRuntime } from './process/runtime.js';

export interface ChooseRuntimeOptions {
  cellId: string;
  config: RuntimeConfig;
  /** tells what is this cell's from what is others'; the process runtime keeps its containers below it, where it can */
  dataDir: string;
  clock: Clock;
  logger: Logger;
}

export interface ChosenRuntime {
  runtime: ContainerRuntime;
  /** directory of the process runtime's containers */
  root?: string;
}

/** The runtime that a cell's configuration names; not yet started. */
export const chooseRuntime = async (options: ChooseRuntimeOptions): Promise<ChosenRuntime> => {
  const { cellId, config, dataDir, clock } = options;
  const { address, ports } = config;
  const ground = { clock, logger: options.logger.session('runtime', { cellId }), address, ports };
  if (config.kind === 'docker') {
    // its client is large, and cells without Docker do without it
    const { createDockerRuntime } = await import('./docker/runtime.js');
    const prefix = config.docker.prefix || prefixOf(dataDir);
    return { runtime: createDockerRuntime({ ...config.docker, ...ground, cellId, prefix }) };
  }
  const root = await chooseContainerRoot({ dataDir, cellId, isRoot: process.getuid?.() === 0 });
  return { runtime: createProcessRuntime({ ...ground, root }), root };
};
