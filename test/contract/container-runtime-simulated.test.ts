import t from 'tap';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createSimulatedRuntime, createSimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import { SCRIPT_VARIABLE } from '../../cell-rep/runtimes/simulated/script.js';
import type { SimulatedScript } from '../../cell-rep/runtimes/simulated/script.js';
import { containerRuntimeContract } from './container-runtime.js';
import type { Program } from './container-runtime.js';

const world = createSimulatedWorld();
const clock = createSystemClock();
const random = createSystemRandom();

// the clock's timers keep nothing alive, and there is nothing else here
const alive = setInterval(() => undefined, 60_000);
t.teardown(() => clearInterval(alive));

const program = (script: SimulatedScript): Program => ({
  path: 'simulated',
  args: [],
  env: { [SCRIPT_VARIABLE]: JSON.stringify(script) },
});

const IMAGE = 'docker:///web#latest';
const IMAGE_DESCRIPTION = {
  id: 'web',
  digest: '',
  entrypoint: ['simulated'],
  command: [],
  user: '',
  workingDir: '/srv',
  ports: [9000],
};

containerRuntimeContract({
  name: 'simulated runtime',
  open: () => createSimulatedRuntime({ clock, random, world, images: { [IMAGE]: IMAGE_DESCRIPTION } }),
  image: { rootfs: IMAGE, expected: IMAGE_DESCRIPTION, missing: 'docker:///none#latest' },
  programs: {
    prints: ({ out = '', err = '', exitCode = 0 }) => program({ out, err, exitCode, runMs: 1 }),
    runs: () => program({ out: 'ready\n' }),
    ignoresTerm: () => program({ out: 'ready\n', ignoresTerm: true }),
    floods: (bytes) => program({ flood: bytes, runMs: 1 }),
    printsEnvironment: () => program({ printEnvironment: true, runMs: 1 }),
  },
});
