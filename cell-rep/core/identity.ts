import type { PlacementConstraint } from '../../common/model/auction.js';
import type { CpuCores } from './cpu-cores.js';
import type { Demand } from './resources.js';

/** What a container is for. Everything the rep needs to know its container again after a restart. */
export interface ContainerIdentity {
  kind: 'lrp' | 'task';
  /** the container's guid: the instance guid, or the task guid */
  guid: string;
  domain: string;
  logGuid: string;
  /** '' for tasks */
  processGuid: string;
  /** 0 for tasks */
  index: number;
  /** '' for LRPs that lost it; the key under which the work was admitted */
  placementId: string;
  demand: Demand;
  /** the cores that it was given; absent where none are given out, or it asked for none */
  cpus?: CpuCores;
  /** host ports that came with it, for as many ports of its container; absent = the runtime takes its own */
  hostPorts?: readonly number[];
  /** what its place had to offer, as the cell's state tells it */
  wanted: PlacementConstraint & { maxPids: number };
}

const TAG = {
  kind: 'outcry.kind',
  domain: 'outcry.domain',
  logGuid: 'outcry.log-guid',
  processGuid: 'outcry.process-guid',
  index: 'outcry.index',
  placementId: 'outcry.placement-id',
  memoryMb: 'outcry.memory-mb',
  diskMb: 'outcry.disk-mb',
  cpuMilli: 'outcry.cpu-milli',
  cpus: 'outcry.cpu-cores',
  maxPids: 'outcry.max-pids',
  rootfs: 'outcry.rootfs',
  placementTags: 'outcry.placement-tags',
  volumeDrivers: 'outcry.volume-drivers',
} as const;

/** Identity as a container's tags; strings only, since runtimes keep them as labels. */
export const toTags = (identity: ContainerIdentity): Record<string, string> => ({
  [TAG.kind]: identity.kind,
  [TAG.domain]: identity.domain,
  [TAG.logGuid]: identity.logGuid,
  [TAG.processGuid]: identity.processGuid,
  [TAG.index]: String(identity.index),
  [TAG.placementId]: identity.placementId,
  [TAG.memoryMb]: String(identity.demand.memoryMb),
  [TAG.diskMb]: String(identity.demand.diskMb),
  [TAG.cpuMilli]: String(identity.demand.cpuMilli),
  ...(identity.cpus && { [TAG.cpus]: JSON.stringify(identity.cpus) }),
  [TAG.maxPids]: String(identity.wanted.maxPids),
  [TAG.rootfs]: identity.wanted.rootfs,
  [TAG.placementTags]: JSON.stringify(identity.wanted.placementTags),
  [TAG.volumeDrivers]: JSON.stringify(identity.wanted.volumeDrivers),
});

const integer = (text: string | undefined): number => {
  const value = Number(text);
  return Number.isInteger(value) && value >= 0 ? value : 0;
};

const texts = (json: string | undefined): string[] => {
  try {
    const parsed: unknown = JSON.parse(json ?? '[]');
    return Array.isArray(parsed) ? parsed.map(String) : [];
  } catch {
    return [];
  }
};

const cores = (json: string | undefined): CpuCores | undefined => {
  try {
    const { pinned, fragment } = JSON.parse(json ?? '') as CpuCores;
    return { pinned: pinned.map(Number), ...(fragment && { fragment }) };
  } catch {
    return undefined;
  }
};

/** undefined: not one of ours, or its tags were lost. */
export const fromTags = (guid: string, tags: Record<string, string>): ContainerIdentity | undefined => {
  const kind = tags[TAG.kind];
  if (kind !== 'lrp' && kind !== 'task') return undefined;
  const processGuid = tags[TAG.processGuid] ?? '';
  if (kind === 'lrp' && processGuid === '') return undefined;
  const cpus = cores(tags[TAG.cpus]);
  return {
    kind,
    guid,
    domain: tags[TAG.domain] ?? '',
    logGuid: tags[TAG.logGuid] ?? '',
    processGuid,
    index: integer(tags[TAG.index]),
    placementId: tags[TAG.placementId] ?? '',
    demand: {
      memoryMb: integer(tags[TAG.memoryMb]),
      diskMb: integer(tags[TAG.diskMb]),
      containers: 1,
      cpuMilli: integer(tags[TAG.cpuMilli]),
    },
    ...(cpus && { cpus }),
    wanted: {
      maxPids: integer(tags[TAG.maxPids]),
      rootfs: tags[TAG.rootfs] ?? '',
      placementTags: texts(tags[TAG.placementTags]),
      volumeDrivers: texts(tags[TAG.volumeDrivers]),
    },
  };
};
