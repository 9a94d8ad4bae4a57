import type { Container as EngineContainer } from 'dockerode';
import type { VolumeMountedFile } from '../../../common/model/action.js';
import type { ExitStatus } from '../../core/container-runtime.js';
import type { CellContext, ContainerRecord } from './context.js';
import type { Image } from './images.js';
import { createEngineProcess } from './process.js';
import type { EngineProcess } from './process.js';

/** What the parts of one container share. */
export interface Parts {
  cell: CellContext;
  record: ContainerRecord;
  image: Image;
  /** by id */
  processes: Map<string, EngineProcess>;
  /** has the network; undefined where a process has it */
  network: EngineContainer | undefined;
  /** id of that process */
  owner: string | undefined;
  instanceAddress: string;
  /** '' = none */
  ipv6Address: string;
  /** the instance address is reached from this machine; undefined = not known yet */
  isDirect: boolean | undefined;
  files: Promise<EngineContainer> | undefined;
  /** takes more disk than it may, and is killed for it */
  overDisk: boolean;
  /** for each process, from its start; undefined until there are some */
  credentials: readonly VolumeMountedFile[] | undefined;
}

export const register = (
  parts: Parts,
  id: string,
  container: EngineContainer,
  exit?: ExitStatus,
): EngineProcess => {
  const { cell, processes } = parts;
  const { clock, logger, doubt } = cell;
  const isOverDisk = (): boolean => parts.overDisk;
  const one = createEngineProcess({ id, container, clock, logger, doubt, isOverDisk }, exit);
  processes.set(id, one);
  return one;
};
