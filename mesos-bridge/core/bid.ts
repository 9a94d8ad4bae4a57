import type { CellState, RootfsProvider } from '../../common/model/cell.js';
import { cellIdOf } from './cell-id.js';
import { attributeText } from './constraints.js';
import type { Place } from './constraints.js';
import type { Executor } from './executors.js';
import { find, isOrdinary } from './find.js';
import type { NeedOptions } from './needs.js';
import { memoryForCpus } from './needs.js';
import type { Bundle } from './offer-book.js';
import type { Rejection } from './offer-rules.js';
import type { Resources } from './resources.js';
import type { Attribute } from './offer.js';
import { NO_RESOURCES, filter, scalarOf } from './resources.js';
import type { TaskCounts } from './task-tally.js';

/** An attribute whose value, or values, are placement tags: `NAME=VALUE`. */
export interface TagAttribute {
  readonly attribute: string;
  /** required: only work that wants all of them is placed there */
  readonly required: boolean;
}

export interface BidOptions extends NeedOptions {
  readonly rootfsProviders: Readonly<Record<string, RootfsProvider>>;
  readonly volumeDrivers: readonly string[];
  /** containers of one agent */
  readonly maxContainers: number;
  /** tags that work must want to get to any of the agents */
  readonly placementTags?: readonly string[];
  /** the attribute that names an agent's zone, '' = none; without it its fault domain does */
  readonly zoneAttribute: string;
  /** the zone of agents that have neither */
  readonly defaultZone: string;
  readonly tags: readonly TagAttribute[];
  /** of this bridge process: versions rise within it */
  readonly incarnation: string;
}

/** All that a bid is made of. */
export interface BidParts {
  readonly agentId: string;
  /** undefined while no offer of the agent is held */
  readonly bundle: Bundle | undefined;
  /** the agent's qualities as its latest offer told them */
  readonly place: Place | undefined;
  readonly executor: Executor | undefined;
  readonly tasks: TaskCounts;
  /** why it takes no work whatever it offers */
  readonly closed: Rejection | undefined;
}

export interface Bid {
  readonly state: CellState;
  /** why it takes no work; undefined when it does */
  readonly rejection: Rejection | undefined;
}

interface Room {
  readonly left: Resources;
  readonly rejection: Rejection | undefined;
}

/** What tasks may take: the executor's own need goes off only while none lives there. */
const roomOf = ({ bundle, executor, closed }: BidParts, options: BidOptions): Room => {
  if (bundle === undefined || closed !== undefined) return { left: NO_RESOURCES, rejection: closed };
  const offered = filter(bundle.resources, isOrdinary);
  if (executor !== undefined) return { left: offered, rejection: undefined };
  const own = find(offered, options.executor);
  if (own.found) return { left: own.left, rejection: undefined };
  const reason = `it offers too little for an executor: ${own.lacking.join(', ')}`;
  return { left: NO_RESOURCES, rejection: { code: 'executor', reason } };
};

const wholes = (milli: number): number => Math.floor(milli / 1000);

const megabytes = (resources: Resources, name: string): number => wholes(scalarOf(resources, name));

/** Numbers at the end of agent ids are given out in order. */
const indexOf = (agentId: string): number => Number(/-S(\d{1,9})$/.exec(agentId)?.[1] ?? 0);

const zoneOf = (place: Place | undefined, { zoneAttribute, defaultZone }: BidOptions): string => {
  const attribute = place?.attributes.find(({ name }) => name === zoneAttribute);
  if (attribute !== undefined) return attributeText(attribute);
  return place === undefined || place.zone === '' ? defaultZone : place.zone;
};

/** Items of a set, and of text with commas. */
const valuesOf = (attribute: Attribute): string[] =>
  (attribute.type === 'SET' ? [...attribute.items] : attributeText(attribute).split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');

const tagsOf = (place: Place | undefined, { tags }: BidOptions, required: boolean): string[] => {
  if (place === undefined || tags.length === 0) return [];
  const names = tags.filter((tag) => tag.required === required).map(({ attribute }) => attribute);
  return place.attributes
    .filter(({ name }) => names.includes(name))
    .flatMap((one) => valuesOf(one).map((value) => `${one.name}=${value}`));
};

const distinct = (tags: readonly string[]): string[] =>
  tags.length > 1 ? [...new Set(tags)].sort() : [...tags];

const amounts = ({ left }: Room, { tasks }: BidParts, options: BidOptions) => {
  const cpuMilliAvailable = scalarOf(left, 'cpus');
  const containers = tasks.taskCount + [...tasks.lrpCounts.values()].reduce((sum, count) => sum + count, 0);
  const available = {
    memoryMb: Math.min(megabytes(left, 'mem'), memoryForCpus(cpuMilliAvailable, options)),
    diskMb: megabytes(left, 'disk'),
    containers: Math.max(0, options.maxContainers - containers),
  };
  return {
    available,
    // what is offered and what ours take already; an agent without disk still has a total
    total: {
      memoryMb: Math.max(1, megabytes(left, 'mem') + wholes(tasks.taken.mem)),
      diskMb: Math.max(1, available.diskMb + wholes(tasks.taken.disk)),
      containers: options.maxContainers,
    },
    cpuMilliAvailable,
    // 0 would say that CPU is not accounted here
    cpuMilliTotal: Math.max(1, cpuMilliAvailable + tasks.taken.cpus),
  };
};

/** An offer is a cell that does not exist yet (design §7): the state that such a cell would report. */
export const bidOf = (parts: BidParts, options: BidOptions, version: number): Bid => {
  const room = roomOf(parts, options);
  const { tasks, place } = parts;
  const state: CellState = {
    cellId: cellIdOf(parts.agentId),
    cellIndex: indexOf(parts.agentId),
    repUrl: '',
    incarnation: options.incarnation,
    version,
    rootfsProviders: options.rootfsProviders,
    ...amounts(room, parts, options),
    lrpCounts: tasks.lrpCounts,
    taskCount: tasks.taskCount,
    startingContainerCount: tasks.startingCount,
    zone: zoneOf(place, options),
    evacuating: false,
    placeable: parts.bundle !== undefined && room.rejection === undefined,
    volumeDrivers: [...options.volumeDrivers],
    placementTags: distinct([...(options.placementTags ?? []), ...tagsOf(place, options, true)]),
    optionalPlacementTags: distinct(tagsOf(place, options, false)),
    proxyMemoryMb: options.proxyMemoryMb,
  };
  return { state, rejection: room.rejection };
};
