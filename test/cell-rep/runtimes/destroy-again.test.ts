import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createDiskGuard } from '../../../cell-rep/runtimes/disk-guard.js';
import { createProcessContainer } from '../../../cell-rep/runtimes/process/container.js';
import type { CellContext } from '../../../cell-rep/runtimes/process/context.js';
import { layoutOf } from '../../../cell-rep/runtimes/process/layout.js';
import type { Helper } from '../../../cell-rep/runtimes/process/helper.js';
import type { ContainerRecord } from '../../../cell-rep/runtimes/process/layout.js';
import { silentLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';

t.test('process runtime - a removal that failed can be tried again, and then gives all back', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'outcry-destroy-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const layout = layoutOf(root, 'guid');
  const limits = { memoryMb: 0, diskMb: 0, maxPids: 0, cpuWeight: 0, cpuMilli: 0 };
  const spec = { guid: 'guid', rootfs: '', limits, ports: [], tags: {} };
  const record: ContainerRecord = { spec, uid: -1, ports: [] };
  await mkdir(layout.home, { recursive: true });
  await writeFile(layout.record, JSON.stringify(record));
  let failures = 1;
  const cell: Partial<CellContext> = {
    clock: createSystemClock(),
    disks: createDiskGuard(createSystemClock()),
    logger: silentLogger,
    processes: new Map(),
    helper: { request: async () => ({ ok: false, reason: 'not empty', lost: false }) } as unknown as Helper,
    release() {
      if (failures > 0) throw new Error(`busy ${(failures -= 1)}`);
    },
  };
  const container = createProcessContainer(cell as CellContext, layout, record);
  await t.rejects(container.destroy(), { message: 'busy 0' });
  await container.destroy();
  await container.destroy();
  t.notOk(existsSync(layout.dir));
});
