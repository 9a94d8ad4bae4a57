import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { CellPresence } from '../../../common/model/cell.js';
import type { ActualLrp, DesiredLrp, DesiredLrpUpdate } from '../../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../../common/model/task.js';
import { decode, encode, fromJson, toJson } from '../../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../../common/wire/messages.js';
import { arbitraries } from '../../support/wire-arbitraries.js';
import { rawFields } from '../../support/wire-fields.js';

const names = Object.keys(arbitraries) as WireName[];

const decoded = <N extends WireName>(name: N, bytes: Uint8Array): WireMessages[N] => {
  const result = decode(name, bytes);
  if (!result.ok) throw new Error(`${name}: ${result.error.message}`);
  return result.value;
};

const example = <N extends WireName>(name: N): WireMessages[N] =>
  fc.sample(arbitraries[name] as fc.Arbitrary<WireMessages[N]>, { numRuns: 1, seed: 7 })[0]!;

const roundTrips = (name: WireName, through: (value: WireMessages[WireName]) => unknown): void =>
  fc.assert(
    fc.property(arbitraries[name] as fc.Arbitrary<WireMessages[WireName]>, (value) =>
      assert.deepStrictEqual(through(value), value),
    ),
    { numRuns: 60 },
  );

t.test('wire - every message comes back from protobuf as it was', async (t) => {
  for (const name of names) {
    roundTrips(name, (value) => decoded(name, encode(name, value)));
    t.pass(name);
  }
});

t.test('wire - every message comes back from JSON text as it was', async (t) => {
  for (const name of names) {
    roundTrips(name, (value) => {
      const result = fromJson(name, JSON.parse(JSON.stringify(toJson(name, value))));
      return result.ok ? result.value : result.error;
    });
    t.pass(name);
  }
});

t.test('wire - bytes that are no message give an error or a whole value, and never throw', async (t) => {
  let refused = 0;
  for (const name of names) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const result = decode(name, bytes);
        if (!result.ok) refused += 1;
        // What is read from garbage must be as good as any other value.
        else
          assert.doesNotThrow(() => JSON.stringify(toJson(name, decoded(name, encode(name, result.value)))));
      }),
      { numRuns: 100 },
    );
  }
  t.ok(refused > 100, `${refused} refused`);
});

t.test('wire - a message cut short or with a byte changed never throws', async (t) => {
  for (const name of names) {
    const whole = encode(name, example(name));
    for (let length = 0; length < whole.length; length++) decode(name, whole.subarray(0, length));
    for (let at = 0; at < whole.length; at++) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      decode(name, changed);
    }
    t.pass(name);
  }
  const whole = encode('Traced', { traceId: 'abc' });
  t.notOk(decode('Traced', whole.subarray(0, 3)).ok, 'a string over the end');
});

t.test('wire - an empty message has every default, and nothing that may be absent', async (t) => {
  const bare = decoded('DesiredLRP', new Uint8Array());
  t.same(
    Object.keys(bare).filter((key) => bare[key as keyof DesiredLrp] === undefined),
    [],
  );
  t.notOk('action' in bare || 'network' in bare || 'logRateLimit' in bare || 'checkDefinition' in bare);
  t.strictSame(bare.modificationTag, { epoch: '', index: 0 });
  t.strictSame(bare.routes, {});
  t.equal(bare.updateStrategy, 'ROLLING');

  const row = decoded('ActualLRP', new Uint8Array());
  t.equal(row.state, 'UNCLAIMED');
  t.notOk('routable' in row);
  t.strictSame(decoded('DesiredLRPUpdate', new Uint8Array()), {});
  t.strictSame(decoded('WorkReply', new Uint8Array()), { cellId: '', incarnation: '', outcomes: [] });
  t.notOk(decode('BbsEvent', new Uint8Array()).ok, 'an event of no kind is none');
});

t.test('wire - values with presence are told from absent ones', async (t) => {
  const row = { ...decoded('ActualLRP', new Uint8Array()), routable: false };
  t.equal(decoded('ActualLRP', encode('ActualLRP', row)).routable, false);

  const update: DesiredLrpUpdate = { instances: 0, annotation: '', routes: {}, imagePassword: '' };
  t.strictSame(decoded('DesiredLRPUpdate', encode('DesiredLRPUpdate', update)), update);
  t.strictSame(toJson('DesiredLRPUpdate', update), {
    instances: 0,
    annotation: '',
    routes: {},
    image_password: '',
  });
});

t.test('wire - routes keep their JSON text byte for byte', async (t) => {
  const text = '[ {"hostnames" : ["a"],\n "port":8080, "big": 12345678901234567890} ]';
  const lrp = { ...example('DesiredLRP'), routes: { 'cf-router': text, __proto__x: '{}' } };
  t.strictSame(decoded('DesiredLRP', encode('DesiredLRP', lrp)).routes, lrp.routes);
});

t.test('wire - lists of ports are written one by one and read both ways', async (t) => {
  const lrp = { ...decoded('DesiredLRP', new Uint8Array()), ports: [8080, 2222] };
  const ports = rawFields(encode('DesiredLRP', lrp)).filter(({ id }) => id === 14);
  t.strictSame(ports, [
    { id: 14, wireType: 0, content: 8080n },
    { id: 14, wireType: 0, content: 2222n },
  ]);
  const packed = Buffer.from('7204903fae1170' + '01', 'hex');
  t.strictSame(decoded('DesiredLRP', packed).ports, [8080, 2222, 1]);
});

t.test('wire - unknown fields, and known ones of another wire type, are passed over', async (t) => {
  const known = encode('Traced', { traceId: 'abc' });
  const unknown = Buffer.from(
    'f83f01' + 'fa3f0161' + 'f93f0000000000000000' + 'fd3f00000000' + 'fb3f0801fc3f',
    'hex',
  );
  t.strictSame(decoded('Traced', Buffer.concat([unknown, known, unknown])), { traceId: 'abc' });
  t.strictSame(decoded('Traced', Buffer.from('0801', 'hex')), { traceId: '' });
});

t.test('wire - what a newer peer names in an enum reads as its first value', async (t) => {
  t.equal(decoded('Task', Buffer.from('3863', 'hex')).state, 'Invalid');
  const outcome = decoded('WorkReply', Buffer.from('1a021009', 'hex')).outcomes[0];
  t.equal(outcome?.status, 'never_seen');
});

t.test('wire - text that is not UTF-8, unknown LRP states and bottomless nesting are refused', async (t) => {
  t.notOk(decode('Traced', Buffer.from('0a02c328', 'hex')).ok);
  t.strictSame(decoded('Traced', encode('Traced', { traceId: 'a\uFFFDb' })), { traceId: 'a\uFFFDb' });
  t.match(decode('ActualLRP', Buffer.from('320144', 'hex')), { ok: false, error: { message: /UNCLAIMED/ } });

  let action: Buffer = Buffer.alloc(0);
  const delimited = (id: number, bytes: Buffer): Buffer => {
    const size = [(bytes.length & 127) | 128, ((bytes.length >> 7) & 127) | 128, bytes.length >> 14];
    return Buffer.concat([Buffer.from([(id << 3) | 2, ...size]), bytes]);
  };
  for (let depth = 0; depth < 2_000; depth++) action = delimited(6, delimited(1, action));
  t.match(decode('TaskDefinition', delimited(3, action)), { ok: false, error: { message: /deep/ } });
});

t.test('wire - a sub-message in two pieces is one', async (t) => {
  const both = decoded('DesiredLRP', Buffer.from('aa01030a0165' + 'aa01021007', 'hex'));
  t.strictSame(both.modificationTag, { epoch: 'e', index: 7 });
});

t.test('wire - keys of maps may be any text', async (t) => {
  const annotations = Object.fromEntries([
    ['', 'empty'],
    ['constructor', 'c'],
    ['10', 'ten'],
  ]);
  Object.defineProperty(annotations, '__proto__', {
    value: 'p',
    enumerable: true,
    configurable: true,
    writable: true,
  });
  const presence = { ...example('CellPresence'), annotations };
  assert.deepStrictEqual(decoded('CellPresence', encode('CellPresence', presence)).annotations, annotations);
  const json = fromJson('CellPresence', JSON.parse(JSON.stringify(toJson('CellPresence', presence))));
  assert.deepStrictEqual(json.ok && json.value.annotations, annotations);
  t.equal(({} as Record<string, unknown>)['p'], undefined);
});

t.test('wire - half an emoji is written as U+FFFD, and spoils nothing', async (t) => {
  const request = {
    ...example('UpdateRequest'),
    traceId: 'a\ud83d',
    metricTags: { '\udc00b': 'x'.repeat(50) + '\ud83d' },
  };
  const back = decoded('UpdateRequest', encode('UpdateRequest', request));
  t.equal(back.traceId, 'a\uFFFD');
  t.strictSame(back.metricTags, { '\uFFFDb': 'x'.repeat(50) + '\uFFFD' });
});

t.test('wire - events carry only the fields of their kind', async (t) => {
  const event = { kind: 'cell_disappeared', traceId: 't', cellId: 'c' } as const;
  t.strictSame(decoded('BbsEvent', encode('BbsEvent', event)), event);
  t.strictSame(toJson('BbsEvent', event), { kind: 'cell_disappeared', trace_id: 't', cell_id: 'c' });
  const two = Buffer.concat([
    encode('BbsEvent', event),
    encode('BbsEvent', { ...event, kind: 'cell_appeared' }),
  ]);
  t.notOk(decode('BbsEvent', two).ok, 'two kinds in one event');
});

// ---- field numbers ----

type Numbers<T> = { readonly [K in keyof Required<T>]: number };

// prettier-ignore
const DESIRED_LRP: Numbers<DesiredLrp> = {
  processGuid: 1, domain: 2, rootfs: 3, instances: 4, env: 5, setup: 6, action: 7, monitor: 9, diskMb: 10,
  memoryMb: 11, cpuWeight: 12, privileged: 13, ports: 14, routes: 15, logSource: 16, logGuid: 17,
  metricsGuid: 18, annotation: 19, egressRules: 20, modificationTag: 21, cachedDependencies: 22,
  legacyDownloadUser: 23, trustedSystemCertificatesPath: 24, volumeMounts: 25, network: 26,
  startTimeoutMs: 27, placementTags: 28, maxPids: 29, certificateProperties: 30, imageUsername: 31,
  imagePassword: 32, checkDefinition: 33, imageLayers: 34, metricTags: 35, sidecars: 36, logRateLimit: 37,
  volumeMountedFiles: 38, updateStrategy: 39, cpuMilli: 1000,
};

// prettier-ignore
const UPDATE: Numbers<DesiredLrpUpdate> = {
  instances: 1, routes: 2, annotation: 3, metricTags: 4, imageUsername: 5, imagePassword: 6,
};

// prettier-ignore
const ACTUAL_LRP: Numbers<ActualLrp> = {
  processGuid: 1, index: 1, domain: 1, instanceGuid: 2, cellId: 2, address: 3, ports: 3, instanceAddress:
  3, preferredAddress: 3, instanceIpv6Address: 3, crashCount: 4, crashReason: 5, state: 6, placementError:
  7, since: 8, modificationTag: 9, presence: 10, internalRoutes: 11, metricTags: 12, routable: 13,
  availabilityZone: 14,
};

// prettier-ignore
const DEFINITION: Numbers<TaskDefinition> = {
  rootfs: 1, env: 2, action: 3, diskMb: 4, memoryMb: 5, cpuWeight: 6, privileged: 7, logSource: 8,
  logGuid: 9, metricsGuid: 10, resultFile: 11, completionCallbackUrl: 12, annotation: 13, egressRules: 14,
  cachedDependencies: 15, legacyDownloadUser: 16, trustedSystemCertificatesPath: 17, volumeMounts: 18,
  network: 19, placementTags: 20, maxPids: 21, certificateProperties: 22, imageUsername: 23,
  imagePassword: 24, imageLayers: 25, logRateLimit: 26, metricTags: 27, volumeMountedFiles: 28, cpuMilli:
  1000,
};

// prettier-ignore
const TASK: Numbers<Omit<Task, keyof TaskDefinition>> = {
  taskGuid: 2, domain: 3, createdAt: 4, updatedAt: 5, firstCompletedAt: 6, state: 7, cellId: 8, result: 9,
  failed: 10, failureReason: 11, rejectionCount: 12, rejectionReason: 13,
};

// prettier-ignore
const PRESENCE: Numbers<CellPresence> = {
  cellId: 1, repAddress: 2, zone: 3, capacity: 4, rootfsProviders: 5, placementTags: 6,
  optionalPlacementTags: 7, repUrl: 8, annotations: 9,
};

/** Sets one key at a time beside the defaults, and looks which field of the bytes moved. */
const numbersOf = (name: WireName, keys: string[]): Record<string, number> => {
  const empty = decoded(name, new Uint8Array()) as unknown as Record<string, unknown>;
  const bytesOf = (value: unknown): string[] =>
    rawFields(encode(name, value as WireMessages[WireName])).map(({ id, content }) => `${id}=${content}`);
  const before = new Set(bytesOf(empty));
  const samples = fc.sample(arbitraries[name] as fc.Arbitrary<object>, { numRuns: 40, seed: 11 });
  return Object.fromEntries(
    keys.map((key) => {
      for (const sample of samples) {
        if (!(key in sample)) continue;
        const moved = bytesOf({ ...empty, [key]: sample[key as keyof typeof sample] }).filter(
          (f) => !before.has(f),
        );
        if (moved[0]) return [key, Number(moved[0].split('=')[0])];
      }
      return [key, 0];
    }),
  );
};

t.test("wire - field numbers are Diego's", async (t) => {
  const tables = {
    DesiredLRP: DESIRED_LRP,
    DesiredLRPUpdate: UPDATE,
    ActualLRP: ACTUAL_LRP,
    TaskDefinition: DEFINITION,
    Task: TASK,
    CellPresence: PRESENCE,
  };
  for (const [name, numbers] of Object.entries(tables)) {
    t.strictSame(numbersOf(name as WireName, Object.keys(numbers)), numbers, name);
  }
  const inTask = numbersOf('Task', Object.keys(DEFINITION));
  t.strictSame(new Set(Object.values(inTask)), new Set([1]), 'the definition of a task is its field 1');
});
