import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createDockerRuntime } from '../../cell-rep/runtimes/docker/runtime.js';
import { IMAGE_NODE, withDockerEngine } from '../support/docker-engine.js';
import { makeZip, processPrograms, realProcessPrograms } from '../support/process-runtime.js';
import { containerRuntimeContract } from './container-runtime.js';
import type { Program } from './container-runtime.js';

/** The image's Node is elsewhere than this machine's may be. */
const inImage = (program: Program): Program => ({
  ...program,
  path: program.path === process.execPath ? IMAGE_NODE : program.path,
});

await withDockerEngine(t, async (engine) => {
  await engine.derive('described', [
    'ENTRYPOINT ["/bin/sh", "-c"]',
    'CMD ["echo hello"]',
    'USER vcap',
    'WORKDIR /tmp',
    'EXPOSE 9000 443/tcp 53/udp',
  ]);
  containerRuntimeContract({
    name: 'Docker runtime',
    ownNetwork: true,
    open: () =>
      createDockerRuntime({
        cellId: 'cell-contract',
        clock: createSystemClock(),
        logger: createCaptureLogger(),
        stacks: { any: engine.image },
        engine: { socketPath: engine.socketPath },
        ports: { first: 31_000, last: 31_999 },
        outputFileBytes: 1024 * 1024,
      }),
    programs: processPrograms,
    real: {
      printsBinary: () => inImage(realProcessPrograms.printsBinary()),
      listens: () => inImage(realProcessPrograms.listens()),
      works: () => inImage(realProcessPrograms.works()),
      takesMemory: (megabytes) => inImage(realProcessPrograms.takesMemory(megabytes)),
      takesDisk: realProcessPrograms.takesDisk,
      prints: realProcessPrograms.prints,
      printsBelow: realProcessPrograms.printsBelow,
      follows: realProcessPrograms.follows,
    },
    archive: makeZip,
    image: {
      rootfs: 'docker:///described#latest',
      expected: {
        digest: '',
        entrypoint: ['/bin/sh', '-c'],
        command: ['echo hello'],
        user: 'vcap',
        workingDir: '/tmp',
        ports: [443, 9000],
      },
      missing: 'docker://127.0.0.1:9/none#latest',
    },
  });
});
