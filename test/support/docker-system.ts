import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleApi } from '../../api/assemble.js';
import { apiConfig } from '../../api/config.js';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { assembleCellRep, createDownloader } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { createDockerRuntime } from '../../cell-rep/runtimes/docker/runtime.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { Member } from '../../common/runtime/group.js';
import { closingMember, createGroup } from '../../common/runtime/group.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import { assembleRouter } from '../../router/assemble.js';
import { routerConfig } from '../../router/config.js';
import { must } from './bbs.js';
import type { DockerEngine } from './docker-engine.js';
import { freePorts } from './nats-server.js';
import type { Endpoint } from './one-process.js';
import { NO_UPLOADS } from './no-uploads.js';

export interface DockerSystem {
  /** where the command line finds it */
  dir: string;
  endpoint: Endpoint;
  stop(): Promise<void>;
}

const CELL = 'cell-docker';
const HOST_PORTS = { first: 33_000, last: 33_499 };

/** Every component as it is, on a bus in memory, with one cell whose containers are those of a Docker engine. */
export const startDockerSystem = async (engine: DockerEngine): Promise<DockerSystem> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-docker-system-'));
  const [clock, random, logger] = [createSystemClock(), createSystemRandom(), createCaptureLogger()];
  const bus = createMemoryBus({ clock, logger });
  const ground = { clock, random, logger, bus };
  const [bbsSocket, blobSocket] = [join(dir, 'bbs.sock'), join(dir, 'blobs.sock')];
  const [apiPort = 0, routerPort = 0] = await freePorts(2);
  const store = createSqliteEngine({ dir });
  const bbs = createBbsClient({ endpoint: { socketPath: bbsSocket }, clock, logger });
  const runtime = createDockerRuntime({
    cellId: CELL,
    clock,
    logger,
    stacks: { cflinuxfs4: engine.image },
    registries: ['127.0.0.1'],
    engine: { socketPath: engine.socketPath },
    ports: HOST_PORTS,
  });
  const rep = assembleCellRep({
    uploader: NO_UPLOADS,
    ...ground,
    bbs,
    runtime,
    downloader: createDownloader({
      ...ground,
      cacheDir: join(dir, 'downloads'),
      hosts: { 'blobs.outcry.internal': { socketPath: blobSocket } },
    }),
    config: must(
      cellRepConfig.parse(
        {
          cell_id: CELL,
          memory: '4G',
          disk: '16G',
          data_dir: dir,
          on_stop: 'stop-containers',
          graceful_shutdown_interval: '1s',
          rootfs_providers: { preloaded: ['cflinuxfs4'], docker: [] },
        },
        'test',
      ),
    ),
  });
  const api = assembleApi({
    ...ground,
    bbs,
    engine: store,
    config: must(
      apiConfig.parse(
        { data_dir: dir, blob_listen: { socket: blobSocket }, listen: { port: apiPort } },
        'test',
      ),
    ),
  });
  const members: Member[] = [
    closingMember('bus', bus),
    ...assembleBbs({
      ...ground,
      engine: store,
      config: must(bbsConfig.parse({ listen: { socket: bbsSocket } }, 'test')),
    }).members,
    closingMember('bbs-client', bbs),
    ...assembleRouter({ ...ground, config: must(routerConfig.parse({ port: routerPort }, 'test')) }).members,
    ...assembleAuctioneer({ ...ground, bbs, config: must(auctioneerConfig.parse({}, 'test')) }).members,
    ...rep.members,
    ...api.members,
  ];
  const group = createGroup(members, logger);
  await group.start();
  const endpoint: Endpoint = {
    api: `http://127.0.0.1:${apiPort}`,
    router: `http://127.0.0.1:${routerPort}`,
    token: api.token(),
    pid: process.pid,
  };
  await writeFile(join(dir, 'endpoint.json'), JSON.stringify(endpoint));
  return {
    dir,
    endpoint,
    async stop() {
      await group.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
