/** One container of the process runtime. */
import type { Container } from '../../core/container-runtime.js';
import { copyOutOf, placeInto, readFrom } from './content.js';
import type { CellContext, ContainerContext } from './context.js';
import { destroyContainer } from './ending.js';
import type { ContainerRecord, Layout } from './layout.js';
import { adoptProcess, runIn, unregister } from './starting.js';
import { createTreeMeter } from '../tree-size.js';
import { usageOf } from './usage.js';

export interface ProcessContainer extends Container {
  /** finds processes of an earlier life */
  adopt(ids: readonly string[]): Promise<void>;
  /** stops watching; what runs goes on */
  detach(): void;
}

export const createProcessContainer = (
  cell: CellContext,
  layout: Layout,
  record: ContainerRecord,
): ProcessContainer => {
  const container: ContainerContext = { cell, layout, record, processes: new Map() };
  const { processes } = container;
  const disk = createTreeMeter([layout.home, layout.tmp], cell.clock);
  let destroying: Promise<void> | undefined;

  return {
    guid: record.spec.guid,
    info: () => ({
      guid: record.spec.guid,
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
    place: (content) => placeInto(container, content),
    readFile: (path, limitBytes) => readFrom(container, path, limitBytes),
    copyOut: (request) => copyOutOf(container, request),
    usage: () => usageOf(container, disk),
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
      for (const one of processes.values()) one.close();
    },
  };
};
