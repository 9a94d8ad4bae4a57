import type { AuctionRequest, LrpStart, TaskStart } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import {
  type Read,
  type Report,
  fieldName,
  invalid,
  isMapping,
  list,
  text,
} from '../../common/model/read.js';
import { type Result, err, ok } from '../../common/model/result.js';
import { type PolicySettings, policyConfig } from '../policy-config.js';
import { type CellBehaviour, cellBehaviour, cellState } from './read-cells.js';
import { key, mapOf, number, object, optional, orNone } from './shape.js';

/**
 * A batch on paper: cells, requests and how they are decided, in the format in which decisions of Diego's scheduler
 * were recorded: `{config, input}`.
 */
export interface Scenario extends PolicySettings {
  cells: CellState[];
  /** by cell id; absent: all well */
  behaviour: ReadonlyMap<string, CellBehaviour>;
  request: AuctionRequest;
}

export interface ScenarioProblem {
  /** `input.cells[3].TotalResources.MemoryMB` */
  field: string;
  /** "is missing" */
  problem: string;
}

const texts = list(text);

const requestKeys = {
  rootfs: key('RootFs', text),
  memoryMb: key('MemoryMB', number),
  diskMb: key('DiskMB', number),
  maxPids: optional('MaxPids', number, 0),
  cpuMilli: optional('cpu-milli', number, 0),
  placementTags: optional('PlacementTags', texts, []),
  volumeDrivers: optional('VolumeDrivers', texts, []),
};

const lrpShape = object({
  ...requestKeys,
  processGuid: key('process_guid', text),
  domain: key('domain', text),
  indices: key('indices', list(number)),
});

const lrpStart: Read<LrpStart> = (value, at, report) => {
  const read = lrpShape(value, at, report);
  if (read === undefined) return undefined;
  const { indices, ...start } = read;
  return {
    ...start,
    instances: indices.map((index) => ({ index, placementId: `${start.processGuid}.${index}` })),
  };
};

const taskShape = object({ ...requestKeys, taskGuid: key('TaskGuid', text), domain: key('Domain', text) });

const taskStart: Read<TaskStart> = (value, at, report) => {
  const read = taskShape(value, at, report);
  return read && { ...read, placementId: read.taskGuid };
};

const input = object({
  cells: key('cells', orNone(list(cellState))),
  behaviour: optional('cell_behaviour', mapOf(cellBehaviour), new Map<string, CellBehaviour>()),
  lrps: key('lrp_start_requests', orNone(list(lrpStart))),
  tasks: key('task_start_requests', orNone(list(taskStart))),
});

/** Behaviour of a cell that is not there is a slip of the pen. */
const checkBehaviour = (
  { cells, behaviour }: Pick<Scenario, 'cells' | 'behaviour'>,
  report: Report,
): void => {
  const ids = new Set(cells.map(({ cellId }) => cellId));
  for (const id of behaviour.keys()) {
    if (!ids.has(id)) invalid(['input', 'cell_behaviour', id], report, 'names no cell');
  }
};

/** Relative paths count from `baseDir`. */
const settings =
  (baseDir: string): Read<PolicySettings> =>
  (value, at, report) => {
    if (!isMapping(value)) return invalid(at, report, 'must be an object');
    const parsed = policyConfig.parse(value, '', { baseDir });
    if (parsed.ok) return parsed.value;
    for (const { path, problem, nearest } of parsed.error) {
      const meant = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`;
      invalid([...at, ...path], report, `${problem}${meant}`);
    }
    return undefined;
  };

/** Whatever was read of a file. Relative paths in it count from `baseDir`. */
export const readScenario = (value: unknown, baseDir: string): Result<Scenario, ScenarioProblem[]> => {
  const problems: ScenarioProblem[] = [];
  const report: Report = ({ path, reason }) =>
    void problems.push({ field: fieldName(path) || 'scenario', problem: reason });
  const read = object({ config: key('config', settings(baseDir)), input: key('input', input) })(
    value,
    [],
    report,
  );
  if (read !== undefined) checkBehaviour(read.input, report);
  if (read === undefined || problems.length > 0) return err(problems);
  const { cells, behaviour, lrps, tasks } = read.input;
  return ok({ ...read.config, cells, behaviour, request: { traceId: '', lrps, tasks } });
};
