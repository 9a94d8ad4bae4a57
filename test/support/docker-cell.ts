import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createDockerRuntime } from '../../cell-rep/runtimes/docker/runtime.js';
import type { DockerEngine } from './docker-engine.js';
import { startProcessCell } from './process-cell.js';
import type { ProcessCell, ProcessCellOptions } from './process-cell.js';

/** A cell whose containers are those of a Docker engine, with a board that the test keeps. */
export const startDockerCell = (
  { image, socketPath }: DockerEngine,
  options: ProcessCellOptions = {},
): Promise<ProcessCell> =>
  startProcessCell({
    config: { graceful_shutdown_interval: '500ms', memory: '8G', disk: '32G' },
    runtime: createDockerRuntime({
      cellId: 'cell-1',
      clock: createSystemClock(),
      logger: createCaptureLogger(),
      stacks: { cflinuxfs4: image },
      registries: ['127.0.0.1'],
      engine: { socketPath },
      ports: { first: 34_000, last: 34_199 },
      outputFileBytes: options.outputFileBytes ?? 16 * 1024 * 1024,
    }),
    ...options,
  });
