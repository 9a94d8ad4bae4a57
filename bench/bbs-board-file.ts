/** A board of running instances in a file, as Cloud Foundry names them. */
import { createSeededRandom } from '../common/adapters/seeded-random.js';
import type { LeaseRequest } from '../common/model/auction.js';
import type { ActualLrp } from '../common/model/lrp.js';
import { newUnclaimed } from '../bbs/core/rows.js';
import { context, desiredLrp, netInfo, presenceValue } from '../test/support/bbs.js';
import { openFile } from '../test/support/bbs-kill.js';

/** instances of one process */
const EACH = 10;
const CELLS = 1_000;
/** processes per commit */
const TOGETHER = 100;
const TTL_MS = 3_600_000;

const random = createSeededRandom(7);

const instance = (processGuid: string, index: number, app: number): ActualLrp => ({
  ...newUnclaimed({ processGuid, index, domain: 'cf-apps' }, { ...context(), newGuid: random.uuid }),
  ...netInfo(`10.0.${app % 250}.${index}`),
  state: 'RUNNING',
  instanceGuid: random.uuid(),
  cellId: `cell-${(app * 7 + index) % CELLS}`,
  metricTags: {
    source_id: processGuid.slice(0, 36),
    organization_name: 'org',
    space_name: 'space',
    app_name: `app-${app}`,
    process_type: 'web',
    instance_id: String(index),
  },
  routable: true,
  availabilityZone: `z${app % 3}`,
});

/** What is desired of the instances above: nothing of theirs differs from it. */
const desired = (processGuid: string, app: number) => ({
  ...desiredLrp({
    processGuid,
    domain: 'cf-apps',
    instances: EACH,
    modificationTag: { epoch: random.uuid(), index: 0 },
    routes: { 'cf-router': JSON.stringify([{ hostnames: [`app-${app}.example.com`], port: 8080 }]) },
  }),
  metricTags: {
    source_id: { static: processGuid.slice(0, 36), dynamic: 'DynamicValueInvalid' as const },
    organization_name: { static: 'org', dynamic: 'DynamicValueInvalid' as const },
    space_name: { static: 'space', dynamic: 'DynamicValueInvalid' as const },
    app_name: { static: `app-${app}`, dynamic: 'DynamicValueInvalid' as const },
    process_type: { static: 'web', dynamic: 'DynamicValueInvalid' as const },
    instance_id: { static: '', dynamic: 'INDEX' as const },
  },
});

/** What the reps of all cells hold, and renew. */
export const presences = (): LeaseRequest[] =>
  Array.from({ length: CELLS }, (_, cell) => ({
    name: `cell/cell-${cell}`,
    owner: `rep-${cell}`,
    ttlMs: TTL_MS,
    value: presenceValue(`cell-${cell}`),
  }));

/** `instances` RUNNING rows, ten of a process, on a thousand cells that are present. */
export const fillBoard = async (dir: string, instances: number): Promise<void> => {
  const store = await openFile(dir);
  const apps = Math.ceil(instances / EACH);
  for (let from = 0; from < apps; from += TOGETHER) {
    await store.transact((tables) => {
      for (let app = from; app < Math.min(from + TOGETHER, apps); app += 1) {
        const processGuid = `${random.uuid()}-${random.uuid()}`;
        tables.desired_lrps.put(processGuid, desired(processGuid, app));
        for (let index = 0; index < EACH; index += 1) {
          const row = instance(processGuid, index, app);
          tables.actual_lrps.put(`${processGuid}/${index}/ORDINARY`, row);
        }
      }
      return { value: undefined, events: [] };
    });
  }
  await store.transact((tables) => {
    const held = instances > 0 ? presences() : [];
    for (const lease of held) tables.leases.put(lease.name, { ...lease, epoch: 1 });
    return { value: undefined, events: [] };
  });
  await store.close();
};
