import type { VolumeMountedFile } from '../../../common/model/action.js';
import { networkInterfaces } from 'node:os';
import type { Container as EngineContainer, EndpointSettings } from 'dockerode';
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
  /** id of the process that has the network */
  owner: string | undefined;
  instanceAddress: string;
  /** the instance address is reached from this machine; undefined = not known yet */
  isDirect: boolean | undefined;
  files: Promise<EngineContainer> | undefined;
  /** takes more disk than it may, and is killed for it */
  overDisk: boolean;
  /** for each process, from its start; undefined until there are some */
  credentials: readonly VolumeMountedFile[] | undefined;
}

export const NO_ADDRESS = { instanceAddress: '', isDirect: undefined };

/** What the engine says of a container's network, and whether its bridge is of this machine: else nobody gets there. */
export const takeAddress = (parts: Parts, networks: Record<string, EndpointSettings>): void => {
  const found = Object.values(networks).find(({ IPAddress }) => IPAddress !== '');
  parts.instanceAddress = found?.IPAddress ?? '';
  const own = Object.values(networkInterfaces()).flat();
  parts.isDirect = own.some((one) => one?.address === found?.Gateway);
};

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
