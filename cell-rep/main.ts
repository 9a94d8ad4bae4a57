import { resolve } from 'node:path';
import { createBbsClient } from '../bbs/index.js';
import { isMapping } from '../common/model/read.js';
import type { AdminPages } from '../common/runtime/admin.js';
import type { ComponentMain, Ground } from '../common/runtime/component-process.js';
import { defineConfig, joinConfigs } from '../common/runtime/config.js';
import type { Prepare } from '../common/runtime/config-file.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { createDataLock } from '../common/store/data-lock-member.js';
import { assembleCellRep } from './assemble.js';
import type { CellRep } from './assemble.js';
import { capacityPerCell, withinRuntime } from './capacity.js';
import { createCredentialIssuer } from './credentials/issuer.js';
import { cellRepConfig } from './config.js';
import { chooseRuntime } from './runtimes/choose.js';
import { createTransfers, transferMembers } from './transfers.js';
import { removeContainerRoot } from './runtimes/process/container-root.js';

/** A rep that forgets its containers would not know them again after a restart. */
const rememberingConfig = defineConfig<object, undefined>({
  schema: { type: 'object', required: ['data_dir'], properties: {} },
  defaults: {},
  compile: () => undefined,
});

const config = joinConfigs({
  process: processConfig('cell'),
  link: bbsLinkConfig,
  remembering: rememberingConfig,
  cell: cellRepConfig,
});

const AUTO = /^auto(?:\/([1-9]\d{0,2}))?$/;

/** Of how many equal parts of the machine this is one; undefined when a size is given. */
const partsOf = (value: unknown): number | undefined => {
  const [found, parts = '1'] = AUTO.exec(String(value)) ?? [];
  return found === undefined ? undefined : Number(parts);
};

/** Puts this machine's capacity, or a part of it, in the place of `auto`. */
const prepare: Prepare = (raw, baseDir) => {
  if (!isMapping(raw)) return raw;
  const { data_dir: dir } = raw;
  const place = resolve(baseDir, typeof dir === 'string' ? dir : '');
  const [memory, disk] = [partsOf(raw['memory']), partsOf(raw['disk'])];
  const share = { dir: place, inOwnCgroup: raw['runtime'] !== 'docker' };
  return {
    ...raw,
    ...(memory !== undefined && { memory: `${capacityPerCell({ ...share, cells: memory }).memoryMb}M` }),
    ...(disk !== undefined && { disk: `${capacityPerCell({ ...share, cells: disk }).diskMb}M` }),
  };
};

/** Diego's drain: the cell is told to empty itself, and is gone when `/ping` is not answered any more. */
const evacuationPages = (cell: Pick<CellRep['cell'], 'evacuate'>, { random }: Ground): AdminPages => ({
  '/ping': { method: 'GET', answer: () => ({ status: 200, body: {} }) },
  '/evacuate': {
    method: 'POST',
    answer() {
      const { accepted, reason } = cell.evacuate({ traceId: random.uuid() });
      return accepted
        ? { status: 202, body: { ping_path: '/ping' } }
        : { status: 503, body: { error: 'CannotEvacuate', reason } };
    },
  },
});

/** A cell's rep as a process of its own. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'cell',
  config,
  prepare,
  async assemble({ link, cell }, ground) {
    const { cellId, stateDir } = cell;
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const chosen = { cellId, config: cell.runtime, dataDir: stateDir, ...ground };
    const { runtime, root } = await chooseRuntime(chosen);
    const transfers = createTransfers(cell, ground);
    const within = await withinRuntime(cell, runtime, ground.logger.session('rep', { cellId }));
    const credentials =
      cell.instanceIdentity && (await createCredentialIssuer({ ...cell.instanceIdentity, ...ground }));
    const parts = { bbs, config: within, runtime, ...transfers, ...(credentials && { credentials }) };
    const assembled = assembleCellRep({ ...ground, ...parts });
    const { members, health, done } = assembled;
    return {
      members: [
        createDataLock(stateDir, ground),
        // outside of the data directory nobody else would
        ...(root === undefined
          ? []
          : [closingMember('container-root', { close: () => removeContainerRoot(root) })]),
        closingMember('bbs-client', bbs),
        ...transferMembers(transfers),
        ...members,
      ],
      health,
      adminPages: evacuationPages(assembled.cell, ground),
      done,
    };
  },
};
