import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'undici';
import { createCaptureLogger, silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import type { StoreEngine } from '../../common/store/engine.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { decode, encode, toJson } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { must, takeAuctions } from './bbs.js';

interface Test {
  teardown(task: () => unknown): unknown;
}

const clock = createSystemClock();

/** A whole BBS behind a unix socket, and a client of it. Auctions are taken by somebody, and nothing comes of them. */
export const startBbs = async (
  t: Test,
  given: {
    engine?: StoreEngine;
    dir?: string;
    config?: object;
    /** false: nothing of the log is kept */
    log?: boolean;
    /** false: nobody takes auctions but whoever listens on `bus` */
    auctioneer?: boolean;
  } = {},
) => {
  const dir = given.dir ?? mkdtempSync(join(tmpdir(), 'bbs-'));
  const socketPath = join(dir, 'bbs.sock');
  const logger = createCaptureLogger();
  const metrics = createPrometheusMetrics({ logger });
  const bus = createMemoryBus();
  const outside = bus.client();
  if (given.auctioneer !== false) takeAuctions(outside);
  const { members } = assembleBbs({
    metrics,
    config: must(bbsConfig.parse({ listen: { socket: socketPath }, ...given.config }, 'test')),
    clock,
    random: createSystemRandom(),
    logger: given.log === false ? silentLogger : logger,
    bus,
    engine: given.engine ?? createMemoryEngine(),
  });
  const group = createGroup(members, silentLogger);
  await group.start();
  const client = createBbsClient({ endpoint: { socketPath }, clock, logger: silentLogger });
  const stop = async (): Promise<void> => {
    await client.close();
    await group.stop();
  };
  t.teardown(async () => {
    await stop();
    if (!given.dir) rmSync(dir, { recursive: true, force: true });
  });
  return { client, socketPath, logger, metrics, stop, group, bus: outside };
};

interface Raw {
  method?: 'GET' | 'POST';
  type?: string;
  body?: string | Uint8Array;
}

interface Raw {
  method?: 'GET' | 'POST';
  type?: string;
  body?: string | Uint8Array;
}

/** One request as it is given, and what came back. */
export const raw = async (socketPath: string, path: string, { method = 'POST', type, body }: Raw = {}) => {
  const client = new Client('http://bbs', { socketPath });
  const headers = type === undefined ? {} : { 'content-type': type };
  const answer = await client.request({ path, method, headers, body: body ?? null });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  await client.close();
  return { status: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString() };
};

export const JSON_TYPE = 'application/json';
export const PROTO_TYPE = 'application/x-protobuf';

/** How one and the same request looks in each of the two forms, and what its answer says. */
export const FORMS = {
  json: {
    type: JSON_TYPE,
    write: <N extends WireName>(name: N, message: WireMessages[N]) => JSON.stringify(toJson(name, message)),
    read: (_name: WireName, bytes: Buffer) => JSON.parse(bytes.toString()) as Record<string, unknown>,
  },
  protobuf: {
    type: PROTO_TYPE,
    write: <N extends WireName>(name: N, message: WireMessages[N]) => encode(name, message),
    read: (name: WireName, bytes: Buffer) =>
      toJson(name, must(decode(name, bytes))) as Record<string, unknown>,
  },
};
