/** A cell whose containers are simulated, as a process of its own: bench/cell.ts starts it in the place of a real one. */
import { createBbsClient } from '../bbs/index.js';
import { assembleCellRep } from '../cell-rep/assemble.js';
import { main } from '../cell-rep/main.js';
import { createSimulatedRuntime } from '../cell-rep/runtimes/simulated/runtime.js';
import { runComponent } from '../common/runtime/component-process.js';
import { closingMember } from '../common/runtime/group.js';
import { NO_UPLOADS } from '../test/support/no-uploads.js';

const simulated: typeof main = {
  ...main,
  assemble({ link, cell }, ground) {
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const { members, health, done } = assembleCellRep({
      ...ground,
      bbs,
      // its containers end with it: there is nothing to remember
      config: { ...cell, stateDir: '' },
      runtime: createSimulatedRuntime({ ...ground, script: () => ({ runMs: 0 }) }),
      downloader: { fetch: async () => ({ ok: false, reason: 'no network' }) },
      uploader: NO_UPLOADS,
    });
    return { members: [closingMember('bbs-client', bbs), ...members], health, done };
  },
};

await runComponent(simulated, process.argv[process.argv.indexOf('--config') + 1] ?? '');
