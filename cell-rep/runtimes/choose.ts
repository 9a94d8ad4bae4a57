import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { RuntimeConfig } from '../config.js';
import type { ContainerRuntime } from '../core/container-runtime.js';
import { createDockerRuntime } from './docker/runtime.js';
import { chooseContainerRoot } from './process/container-root.js';
import { createProcessRuntime } from './process/runtime.js';

export interface ChooseRuntimeOptions {
  cellId: string;
  config: RuntimeConfig;
  /** below which the process runtime keeps its containers, where it can */
  dataDir: string;
  clock: Clock;
  logger: Logger;
}

/** The runtime that a cell's configuration names; not yet started. */
export const chooseRuntime = async (options: ChooseRuntimeOptions): Promise<ContainerRuntime> => {
  const { cellId, config, dataDir, clock, logger } = options;
  const { address, ports } = config;
  if (config.kind === 'docker') {
    return createDockerRuntime({ ...config.docker, cellId, clock, logger, address, ports });
  }
  const root = await chooseContainerRoot({ dataDir, cellId, isRoot: process.getuid?.() === 0 });
  return createProcessRuntime({ root, clock, logger, address, ports });
};
