import type { LrpWork, TaskWork, UpdateRequest } from '../../common/model/auction.js';
import type { Mapping, Path, Problem, Read, Report } from '../../common/model/read.js';
import { fieldName, integer, invalid, isMapping, list, text, textMap } from '../../common/model/read.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Refused } from './ledger.js';

/** Bodies of Diego's requests to a rep. What is absent or null is empty there, and keys that nobody knows are none of ours. */

const INT32 = integer(-(2 ** 31), 2 ** 31 - 1);
const texts = list(text);

/** Reads one value as Go does: null and nothing are its zero. */
const valueOf = <T>(from: { value: Mapping; at: Path; report: Report }, key: string, as: [Read<T>, T]): T => {
  const [read, zero] = as;
  const found = from.value[key];
  if (found === undefined || found === null) return zero;
  return read(found, [...from.at, key], from.report) ?? zero;
};

type From = Parameters<typeof valueOf>[0];

const wanted = (from: From) => ({
  placementId: '',
  placementTags: valueOf(from, 'PlacementTags', [texts, []]),
  volumeDrivers: valueOf(from, 'VolumeDrivers', [texts, []]),
  rootfs: valueOf(from, 'RootFs', [text, '']),
  memoryMb: valueOf(from, 'MemoryMB', [INT32, 0]),
  diskMb: valueOf(from, 'DiskMB', [INT32, 0]),
  maxPids: valueOf(from, 'MaxPids', [INT32, 0]),
  cpuMilli: valueOf(from, 'cpu-milli', [INT32, 0]),
});

const mapping =
  <T>(read: (from: From) => T): Read<T> =>
  (value, at, report) =>
    isMapping(value) ? read({ value, at, report }) : invalid(at, report, 'must be an object');

const lrp = mapping<LrpWork>((from) => ({
  ...wanted(from),
  processGuid: valueOf(from, 'process_guid', [text, '']),
  index: valueOf(from, 'index', [INT32, 0]),
  domain: valueOf(from, 'domain', [text, '']),
}));

const task = mapping<TaskWork>((from) => ({
  ...wanted(from),
  taskGuid: valueOf(from, 'TaskGuid', [text, '']),
  domain: valueOf(from, 'Domain', [text, '']),
}));

/** `POST /work` */
export interface DiegoWork {
  /** '' = it does not say */
  cellId: string;
  lrps: LrpWork[];
  tasks: TaskWork[];
  /** each as it was sent, to be sent back when it is refused */
  sent: ReadonlyMap<LrpWork | TaskWork, unknown>;
}

const workShape = mapping((from) => ({
  cellId: valueOf(from, 'cell_id', [text, '']),
  lrps: valueOf(from, 'LRPs', [list(lrp), []]),
  tasks: valueOf(from, 'Tasks', [list(task), []]),
}));

/** Reads text with `read`; the error names the first field that is wrong. */
const parse = <T>(body: string, read: Read<T>): Result<T, string> => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
  const problems: Problem[] = [];
  const found = read(value, [], (problem) => void problems.push(problem) as undefined);
  const [first] = problems;
  if (first !== undefined) return err(`${fieldName(first.path) || 'the body'} ${first.reason}`);
  return found === undefined ? err('the body is empty') : ok(found);
};

const sentOf = (value: unknown, key: string): unknown[] =>
  isMapping(value) && Array.isArray(value[key]) ? (value[key] as unknown[]) : [];

export const parseWork = (body: string): Result<DiegoWork, string> => {
  const work = parse(body, workShape);
  if (!work.ok) return work;
  const raw: unknown = JSON.parse(body);
  const { lrps, tasks } = work.value;
  const pair = (all: readonly (LrpWork | TaskWork)[], key: string): [LrpWork | TaskWork, unknown][] => {
    const sent = sentOf(raw, key);
    return all.map((one, at) => [one, sent[at]]);
  };
  return ok({ ...work.value, sent: new Map([...pair(lrps, 'LRPs'), ...pair(tasks, 'Tasks')]) });
};

/** What of the work is given back; `cell_id` is told with it, as Diego does. */
export const failedWork = ({ cellId, sent }: DiegoWork, refused: readonly Refused[]) => {
  const back = (isLrp: boolean): unknown[] | null => {
    const some = refused.filter(({ work }) => 'processGuid' in work === isLrp);
    return some.length === 0 ? null : some.map(({ work }) => sent.get(work));
  };
  return {
    LRPs: back(true),
    Tasks: back(false),
    ...(refused.length > 0 && cellId !== '' && { cell_id: cellId }),
  };
};

const internalRoute = mapping((from) => ({ hostname: valueOf(from, 'hostname', [text, '']) }));

const updateShape = mapping<Omit<UpdateRequest, 'traceId'>>((from) => ({
  instanceGuid: valueOf(from, 'instance_guid', [text, '']),
  processGuid: valueOf(from, 'process_guid', [text, '']),
  index: valueOf(from, 'index', [INT32, 0]),
  domain: valueOf(from, 'domain', [text, '']),
  internalRoutes: valueOf(from, 'internal_routes', [list(internalRoute), []]),
  metricTags: valueOf(from, 'metric_tags', [textMap, {}]),
}));

/** `PUT /v2/lrps/:process_guid/instances/:instance_guid`: internal routes and metric tags have changed. */
export const parseUpdate = (body: string): Result<Omit<UpdateRequest, 'traceId'>, string> =>
  parse(body, updateShape);
