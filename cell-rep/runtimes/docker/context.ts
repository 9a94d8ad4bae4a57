import type Docker from 'dockerode';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { ContainerPort, ContainerSpec } from '../../core/container-runtime.js';
import type { CpuScale } from './cpu-scale.js';
import type { DiskGuard } from '../disk-guard.js';
import type { EgressAbility } from './egress.js';
import type { Images } from './images.js';
import type { Names } from './names.js';
import type { SharedCores } from './shared-cores.js';
import type { Storage } from './storage.js';

/** What all containers of a cell share. */
export interface CellContext {
  docker: Docker;
  clock: Clock;
  logger: Logger;
  images: Images;
  names: Names;
  /** where host ports are opened */
  address: string;
  /** network that containers join */
  network: string;
  /** two files of that size are kept of each process's output */
  outputFileBytes: number;
  /** no more CPU than was asked for */
  cpuHardCap: boolean;
  cpuScale(): CpuScale;
  sharedCores: SharedCores;
  storage(): Storage;
  egress(): EgressAbility;
  disks: DiskGuard;
  archiveLimits: ArchiveLimits;
  /** the engine gave no answer: it is asked whether it is there */
  doubt(): void;
  /** gives ports back */
  release(record: ContainerRecord): void;
}

/** What is known of a container in every life of the cell; kept by the engine, as a label. */
export interface ContainerRecord {
  spec: ContainerSpec;
  /** the image's id: a tag may come to mean another */
  image: string;
  /** a stack of the platform's own, whose home and user are known; else somebody's image */
  isStack: boolean;
  ports: ContainerPort[];
  /** bytes of the image, where limits of layers count it */
  imageBytes?: number;
}
