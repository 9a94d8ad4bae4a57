/** One container of the process runtime. */
import { unattended } from '../../../common/runtime/unattended.js';
import type { Container } from '../../core/container-runtime.js';
import { copyOutOf, placeInto, readFrom, writeFiles } from './content.js';
import type { CellContext, ContainerContext } from './context.js';
import { destroyContainer } from './ending.js';
import type { ContainerRecord, Layout } from './layout.js';
import { adoptProcess, runIn, unregister } from './starting.js';
import { treeBytes } from '../tree-size.js';
import type { MeasuredDisk } from '../disk-guard.js';
import type { Excess } from './process.js';
import { isOverMemory, usageOf } from './usage.js';

export interface ProcessContainer extends Container {
  /** finds processes of an earlier life */
  adopt(ids: readonly string[]): Promise<void>;
  /** ends what runs in it when it takes more memory than it may */
  checkMemory(): Promise<void>;
  /** stops watching; what runs goes on */
  detach(): void;
}

const MIB = 1024 * 1024;

/** Home and tmp; undefined when neither can be read. */
const diskOf = async ({ layout }: ContainerContext): Promise<MeasuredDisk | undefined> => {
  const found = await Promise.all([layout.home, layout.tmp].map(treeBytes));
  const known = found.filter((bytes) => bytes !== undefined);
  const bytes = known.reduce((sum, one) => sum + one, 0);
  return known.length === 0 ? undefined : { bytes, unheld: bytes };
};

const condemnAll = async ({ processes }: ContainerContext, excess: Excess): Promise<void> => {
  await Promise.all([...processes.values()].map((one) => one.condemn(excess)));
};

export const createProcessContainer = (
  cell: CellContext,
  layout: Layout,
  record: ContainerRecord,
): ProcessContainer => {
  const container: ContainerContext = { cell, layout, record, processes: new Map() };
  const { processes } = container;
  const { guid, limits } = record.spec;
  const disk = cell.disks.add(guid, {
    limit: limits.diskMb * MIB,
    measure: () => diskOf(container),
    onOver: () =>
      unattended({ logger: cell.logger, event: 'failed-to-end-process' }, () =>
        condemnAll(container, 'disk'),
      ),
  });
  let destroying: Promise<void> | undefined;

  return {
    guid,
    info: () => ({
      guid,
      tags: record.spec.tags,
      address: cell.address,
      instanceAddress: cell.address,
      ports: record.ports,
      processes: [...processes.values()].map((one) => one.info()),
    }),
    async run(spec) {
      if (destroying) return { ok: false, reason: 'the container is being destroyed' };
      return runIn(container, spec);
    },
    process: (id) => processes.get(id)?.running,
    async forget(idPrefix) {
      for (const [id, one] of processes) {
        if (id.startsWith(idPrefix) && !one.info().running) await unregister(container, one);
      }
    },
    async putCredentials(files) {
      try {
        await writeFiles(container, layout.credentials, files);
        return { ok: true };
      } catch (error) {
        return { ok: false, reason: (error as Error).message };
      }
    },
    place: (content) => placeInto(container, content),
    readFile: (path, limitBytes) => readFrom(container, path, limitBytes),
    copyOut: (request) => copyOutOf(container, request),
    usage: () => usageOf(container, disk.bytes),
    async checkMemory() {
      const isOver = limits.memoryMb > 0 && (await isOverMemory(container, limits.memoryMb * MIB));
      if (isOver) await condemnAll(container, 'memory');
    },
    // one that failed may be tried again
    destroy: () =>
      (destroying ??= destroyContainer(container).catch((error: unknown) => {
        destroying = undefined;
        throw error;
      })),
    async adopt(ids) {
      for (const id of ids) await adoptProcess(container, id);
    },
    detach() {
      cell.disks.remove(guid);
      for (const one of processes.values()) one.close();
    },
  };
};
