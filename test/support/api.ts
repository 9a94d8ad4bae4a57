import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ZipFile } from 'yazl';
import type { Api } from '../../api/assemble.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { assembleApi } from '../../api/assemble.js';
import { apiConfig } from '../../api/config.js';
import type { BbsClient } from '../../bbs/index.js';
import { checkDesiredLrp } from '../../bbs/core/validation.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import type { CaptureLogger } from '../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { BbsErrorType, BbsResult } from '../../common/model/bbs-error.js';
import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Group } from '../../common/runtime/group.js';
import type { Metrics } from '../../common/ports/metrics.js';
import { createGroup } from '../../common/runtime/group.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../common/store/memory-engine.js';
import { eventually } from './eventually.js';

/** The desired state of a BBS on a few maps, with the real one's validation and a switch for being away. */
export interface ApiBbs {
  readonly client: BbsClient;
  readonly lrps: Map<string, DesiredLrp>;
  readonly tasks: Map<string, Task>;
  actuals: ActualLrp[];
  readonly domains: Map<string, number>;
  /** `desire`, `remove GUID`, … in order */
  readonly calls: string[];
  /** nobody answers */
  away: boolean;
  /** the next call of that name is refused */
  readonly refuse: Map<string, BbsErrorType>;
  tell(event: BbsEvent): void;
}

const fail = (type: BbsErrorType, message = type as string, unavailable = false) => ({
  ok: false as const,
  error: { type, message, ...(unavailable ? { unavailable: true as const } : {}) },
});

const DONE = { ok: true as const, value: undefined };

export const createApiBbs = (): ApiBbs => {
  const listeners = new Set<(event: BbsEvent) => void>();
  const { lrps, tasks, calls, domains, refuse } = {
    lrps: new Map<string, DesiredLrp>(),
    tasks: new Map<string, Task>(),
    calls: [] as string[],
    domains: new Map<string, number>(),
    refuse: new Map<string, BbsErrorType>(),
  };

  /** One call: away, refused, or what it does. */
  const call = async <T>(name: string, work: () => BbsResult<T>): Promise<BbsResult<T>> => {
    if (fake.away) return fail('UnknownError', 'connection refused', true);
    calls.push(name);
    const refused = refuse.get(name.split(' ')[0] ?? '');
    if (refused === undefined) return work();
    refuse.delete(name.split(' ')[0] ?? '');
    return fail(refused, `${refused}: refused`);
  };

  const found = <T>(map: Map<string, T>, guid: string): BbsResult<T> => {
    const row = map.get(guid);
    return row === undefined ? fail('ResourceNotFound') : { ok: true, value: row };
  };

  const tell = (event: BbsEvent): void => listeners.forEach((listener) => listener(event));

  const put = (task: Task): BbsResult<void> => {
    tasks.set(task.taskGuid, task);
    return DONE;
  };

  const client = {
    desireLrp: (lrp: DesiredLrp) =>
      call(`desire ${lrp.processGuid}`, () => {
        const error = checkDesiredLrp(lrp);
        if (error) return { ok: false, error };
        if (lrps.has(lrp.processGuid)) return fail('ResourceExists');
        lrps.set(lrp.processGuid, structuredClone(lrp));
        return DONE;
      }),
    updateDesiredLrp: (guid: string, update: Partial<DesiredLrp>) =>
      call(`update ${guid}`, () => {
        const lrp = lrps.get(guid);
        if (!lrp) return fail('ResourceNotFound');
        lrps.set(guid, { ...lrp, ...structuredClone(update) });
        return DONE;
      }),
    removeDesiredLrp: (guid: string) =>
      call(`remove ${guid}`, () => (lrps.delete(guid) ? DONE : fail('ResourceNotFound'))),
    desiredLrps: ({ domain, processGuids }: { domain?: string; processGuids?: string[] }) =>
      call('list', () => ({
        ok: true as const,
        value: [...lrps.values()].filter(
          (lrp) =>
            (domain === undefined || lrp.domain === domain) &&
            (processGuids?.includes(lrp.processGuid) ?? true),
        ),
      })),
    desiredLrp: (guid: string) => call('get', () => found(lrps, guid)),
    upsertDomain: (domain: string, ttl: number) =>
      call(`domain ${domain}`, () => (domains.set(domain, ttl), DONE)),
    actualLrps: ({ processGuid }: { processGuid?: string }) =>
      call('actuals', () => ({
        ok: true as const,
        value: fake.actuals.filter((lrp) => processGuid === undefined || lrp.processGuid === processGuid),
      })),
    retireActualLrp: ({ processGuid, index }: { processGuid: string; index: number }) =>
      call(`retire ${processGuid}.${index}`, () => DONE),
    desireTask: ({
      taskGuid,
      domain,
      definition,
    }: {
      taskGuid: string;
      domain: string;
      definition: object;
    }) =>
      call(`desire-task ${taskGuid}`, () =>
        put({
          ...(definition as Task),
          taskGuid,
          domain,
          createdAt: 0,
          updatedAt: 0,
          firstCompletedAt: 0,
          state: 'Pending',
          cellId: '',
          result: '',
          failed: false,
          failureReason: '',
          rejectionCount: 0,
          rejectionReason: '',
        }),
      ),
    tasks: ({ domain }: { domain?: string }) =>
      call('tasks', () => ({
        ok: true as const,
        value: [...tasks.values()].filter((task) => domain === undefined || task.domain === domain),
      })),
    task: (guid: string) => call('task', () => found(tasks, guid)),
    cancelTask: (guid: string) =>
      call(`cancel-task ${guid}`, () => {
        const task = tasks.get(guid);
        if (!task) return fail('ResourceNotFound');
        return put({ ...task, state: 'Completed', failed: true, failureReason: 'task was cancelled' });
      }),
    resolvingTask: (guid: string) =>
      call(`resolving-task ${guid}`, () => {
        const task = tasks.get(guid);
        return task ? put({ ...task, state: 'Resolving' }) : fail('ResourceNotFound');
      }),
    deleteTask: (guid: string) =>
      call(`delete-task ${guid}`, () => (tasks.delete(guid) ? DONE : fail('ResourceNotFound'))),
    cells: () => call('cells', () => ({ ok: true as const, value: [] })),
    subscribe: ({ onEvent }: { onEvent(event: BbsEvent): void }) => {
      listeners.add(onEvent);
      return () => void listeners.delete(onEvent);
    },
  };

  // only what the API calls is there; anything else fails loudly
  const fake: ApiBbs = {
    client: client as unknown as BbsClient,
    lrps,
    tasks,
    calls,
    domains,
    refuse,
    actuals: [],
    away: false,
    tell,
  };
  return fake;
};

/** An answer's JSON, of which the test knows the shape. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Loose;
  text: string;
}

export interface ApiHarness {
  readonly bbs: ApiBbs;
  readonly clock: FakeClock;
  readonly bus: MemoryBus;
  readonly engine: MemoryEngine;
  readonly logger: CaptureLogger;
  readonly dir: string;
  /** reasons for which it said that its store is lost */
  readonly losses: readonly string[];
  api(): Api;
  metrics(): Metrics;
  url(): string;
  /** JSON in, JSON out, with the token unless another one ('' = none) is given */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** stops the API and starts it again on the same store and files */
  restart(): Promise<void>;
  spaceGuid(): Promise<string>;
  apply(manifest: string): Promise<Answer>;
  job(answer: Answer): Promise<Loose>;
  /** app → package → upload → build → droplet set; not started */
  stage(name: string, files: Record<string, string>): Promise<{ appGuid: string; dropletGuid: string }>;
}

export interface CallOptions {
  json?: unknown;
  body?: string | FormData | Uint8Array<ArrayBuffer>;
  type?: string;
  token?: string;
  headers?: Record<string, string>;
}

export const zip = (files: Record<string, string | Buffer>): Promise<Buffer> => {
  const file = new ZipFile();
  for (const [name, content] of Object.entries(files)) file.addBuffer(Buffer.from(content), name);
  file.end();
  return collect(file);
};

export const collect = async (file: ZipFile): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of file.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export const bits = (content: Buffer): FormData => {
  const form = new FormData();
  form.append('resources', '[]');
  form.append('bits', new Blob([new Uint8Array(content)]), 'package.zip');
  return form;
};

export const startApi = async (t: Test, config: Record<string, unknown> = {}): Promise<ApiHarness> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-api-'));
  const [clock, bbs, engine, logger] = [
    createFakeClock(),
    createApiBbs(),
    createMemoryEngine(),
    createCaptureLogger(),
  ];
  const bus = createMemoryBus();
  const parsed = apiConfig.parse({ data_dir: dir, listen: { port: 0 }, ...config }, 'test');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const losses: string[] = [];
  let api: Api;
  let metrics: Metrics;
  let group: Group;

  const start = async (): Promise<void> => {
    const random = createSystemRandom();
    metrics = createPrometheusMetrics({ logger });
    const ground = { metrics, clock, random, logger, bus, bbs: bbs.client, engine };
    api = assembleApi({ ...ground, config: parsed.value, onLost: (reason) => losses.push(reason) });
    group = createGroup(api.members, logger);
    await group.start();
  };

  await start();
  t.teardown(async () => {
    await group.stop();
    await bus.close();
    await rm(dir, { recursive: true, force: true });
  });

  const harness: ApiHarness = {
    bbs,
    clock,
    bus,
    engine,
    logger,
    dir,
    losses,
    api: () => api,
    metrics: () => metrics,
    url: () => `http://127.0.0.1:${api.address().port}`,
    async call(method, path, options = {}) {
      const { json, body, type, token = api.token(), headers = {} } = options;
      const sent = json === undefined ? body : JSON.stringify(json);
      // as the cf CLI does: JSON is named on every request, bodiless ones too
      const contentType = body instanceof FormData ? {} : { 'content-type': type ?? 'application/json' };
      const response = await fetch(new URL(path, harness.url()), {
        method,
        redirect: 'manual',
        headers: {
          ...contentType,
          ...(token === '' ? {} : { authorization: `bearer ${token}` }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const text = await response.text();
      const parsedBody: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
      return { status: response.status, headers: response.headers, body: parsedBody, text };
    },
    async restart() {
      await group.stop();
      await start();
    },
    async spaceGuid() {
      return (await harness.call('GET', '/v3/spaces?names=default')).body.resources[0].guid;
    },
    async apply(manifest) {
      const path = `/v3/spaces/${await harness.spaceGuid()}/actions/apply_manifest`;
      return harness.call('POST', path, { body: manifest, type: 'application/x-yaml' });
    },
    async job(answer) {
      const path = new URL(answer.headers.get('location') ?? '').pathname;
      return eventually(async () => {
        const { body } = await harness.call('GET', path);
        return body.state === 'PROCESSING' ? undefined : body;
      });
    },
    async stage(name, files) {
      const appGuid = (await harness.call('GET', `/v3/apps?names=${name}`)).body.resources[0].guid;
      const app = { relationships: { app: { data: { guid: appGuid } } } };
      const made = await harness.call('POST', '/v3/packages', { json: { type: 'bits', ...app } });
      await harness.call('POST', `/v3/packages/${made.body.guid}/upload`, { body: bits(await zip(files)) });
      const build = await harness.call('POST', '/v3/builds', { json: { package: { guid: made.body.guid } } });
      const done: Loose = await eventually(async () => {
        const { body } = await harness.call('GET', `/v3/builds/${build.body.guid}`);
        return body.state === 'STAGING' ? undefined : body;
      });
      if (done.state !== 'STAGED') throw new Error(done.error);
      const path = `/v3/apps/${appGuid}/relationships/current_droplet`;
      await harness.call('PATCH', path, { json: { data: { guid: done.droplet.guid } } });
      return { appGuid, dropletGuid: done.droplet.guid };
    },
  };
  return harness;
};
