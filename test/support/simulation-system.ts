import { desiredLrp, must, taskDefinition } from './bbs.js';
import { rowsOf } from './simulation-checks.js';
import type { CellSize } from './simulation-cell.js';
import { createSimulation } from './simulation.js';
import type { Simulation, SimulationOptions } from './simulation.js';

export const CELL_SIZE: CellSize = { zone: 'z1', memoryMb: 4096, diskMb: 65_536, containers: 60 };

export interface SystemOptions extends SimulationOptions {
  cells: number;
  /** of each; zones are dealt out */
  size?: CellSize;
}

/** A BBS, two auctioneers and cells in three zones, all well; the domain `apps` is fresh for ever. */
export const openSystem = async (options: SystemOptions): Promise<Simulation> => {
  const simulation = createSimulation({
    ...options,
    // tasks stay, so that what became of them can be read in the end
    bbs: {
      expire_completed_task_duration: '1000h',
      expire_pending_task_duration: '1000h',
      ...options.bbs,
    },
  });
  await simulation.startBbs();
  await simulation.addAuctioneer();
  await simulation.addAuctioneer();
  for (let index = 0; index < options.cells; index += 1) {
    await simulation.addCell(`cell-${index + 1}`, {
      ...(options.size ?? CELL_SIZE),
      zone: `z${(index % 3) + 1}`,
    });
  }
  await simulation.run(5);
  must(await simulation.drive(simulation.client.upsertDomain('apps', 0, 'people')));
  return simulation;
};

export const push = async (simulation: Simulation, processGuid: string, instances: number): Promise<void> => {
  const lrp = desiredLrp({ processGuid, instances });
  must(await simulation.drive(simulation.client.desireLrp(lrp, 'people')));
};

export const submit = async (simulation: Simulation, taskGuid: string): Promise<void> => {
  const request = { taskGuid, domain: 'tasks', definition: taskDefinition() };
  must(await simulation.drive(simulation.client.desireTask(request, 'people')));
};

/** `process/index` → instance guid, of what runs. */
export const instancesOf = (simulation: Simulation): Map<string, string> =>
  new Map(
    rowsOf(simulation)
      .filter(({ state }) => state === 'RUNNING')
      .map((row) => [`${row.processGuid}/${row.index}`, row.instanceGuid] as const)
      .sort(),
  );

/** How often an actual LRP has been told to have that presence, or to have crashed. */
export const told = ({ events }: Simulation, what: 'SUSPECT' | 'crashed'): number =>
  events.filter((event) =>
    what === 'crashed'
      ? event.kind === 'actual_lrp_crashed'
      : event.kind === 'actual_lrp_instance_changed' && event.after.presence === what,
  ).length;
