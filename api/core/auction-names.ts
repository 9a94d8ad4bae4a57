import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { appNamed } from './apps.js';
import { lrpGuid, processesOf } from './processes.js';
import type { ReadTables } from './rows.js';

/** An instance may be meant: `web.2`. */
const INSTANCE = /^(.+)\.(\d+)$/;

const processesOfApp = (tables: ReadTables, name: string): string[] => {
  const apps = [...tables.spaces.entries()].flatMap(([space]) => appNamed(tables, space, name) ?? []);
  return apps.flatMap((app) => processesOf(tables, app.guid)).map(lrpGuid);
};

/** What the BBS calls what people call so: the processes of an application, else the name itself. */
export const auctionNames = (tables: ReadTables, name: string): string[] => {
  const own = processesOfApp(tables, name);
  if (own.length > 0) return own;
  const [, app = '', index = ''] = INSTANCE.exec(name) ?? [];
  const instances = processesOfApp(tables, app).map((guid) => `${guid}.${index}`);
  return instances.length > 0 ? instances : [name];
};

/** Splits `process_guid.index`; a name without an index stands for all instances. */
export const slotOf = (id: string): { processGuid: string; index?: number } => {
  const [, processGuid, index] = INSTANCE.exec(id) ?? [];
  return processGuid === undefined ? { processGuid: id } : { processGuid, index: Number(index) };
};

const SOON = 'it waits for an auction, which the bulletin board asks for again within 30 s';

/** Where an instance is that no recorded batch has. */
export const instanceReason = ({ index, state, cellId, placementError }: ActualLrp): string => {
  if (state === 'UNCLAIMED')
    return placementError === '' ? SOON : `${SOON}; the last one ended with "${placementError}"`;
  if (state === 'CRASHED') return `instance ${index} has crashed and waits to be started again`;
  return `instance ${index} is on ${cellId} since before the oldest recorded batch`;
};

export const taskReason = ({ state, cellId }: Task): string => {
  if (state === 'Pending') return SOON;
  if (state === 'Running') return `it runs on ${cellId} since before the oldest recorded batch`;
  return 'it has ended';
};
