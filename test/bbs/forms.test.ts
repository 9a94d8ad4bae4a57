import { once } from 'node:events';
import { createConnection } from 'node:net';
import t from 'tap';
import { Client } from 'undici';
import type {
  BbsAnswerName,
  BbsRequestName,
  BbsRequests,
  TransitionRequest,
} from '../../common/model/bbs-api.js';
import { decode, encode, fromJson, toJson } from '../../common/wire/codec.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { desiredLrp, KEY, must, ONE } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { FORMS, JSON_TYPE, PROTO_TYPE, raw, startBbs } from '../support/http-bbs.js';
import { samplesOf } from '../support/metrics.js';

const DESIRE = '/v1/desired_lrp/desire.r2';
const invalid = (message: string) => ({ type: 'InvalidRequest', message });
const NOT_FOUND = { type: 'ResourceNotFound', message: 'the requested resource could not be found' };

t.test(
  'http - errors of the board come with status 200 and their type, in the form of the request',
  async (t) => {
    const { socketPath } = await startBbs(t);
    const key = { processGuid: 'app', index: -1, domain: '' };
    for (const [name, { type, write, read }] of Object.entries(FORMS)) {
      const said = async <Q extends BbsRequestName>(
        path: string,
        answer: BbsAnswerName,
        request: [Q, BbsRequests[Q]],
      ) => {
        const { status, headers, bytes } = await raw(socketPath, path, {
          type,
          body: write(request[0], request[1] as WireMessages[Q]),
        });
        t.equal(status, 200);
        t.equal(headers['content-type'], type);
        t.equal(headers['content-length'], String(bytes.length));
        return read(answer, bytes)['error'];
      };
      t.same(
        await said(DESIRE, 'DesiredLRPLifecycleResponse', ['DesireLRPRequest', {}]),
        invalid('Invalid field: desired_lrp'),
        name,
      );
      const bad = desiredLrp({ domain: '', memoryMb: -1 });
      t.same(
        await said(DESIRE, 'DesiredLRPLifecycleResponse', ['DesireLRPRequest', { desiredLrp: bad }]),
        invalid('Invalid field: domain, Invalid field: memory_mb, Invalid field: domain'),
      );
      t.same(
        await said('/v1/actual_lrps/start.r1', 'ActualLRPLifecycleResponse', [
          'StartActualLRPRequest',
          { key, internalRoutes: [], metricTags: {}, availabilityZone: '' },
        ]),
        invalid(
          'Invalid field: index, Invalid field: domain, Invalid field: actual_lrp_instance_key, ' +
            'Invalid field: actual_lrp_net_info',
        ),
      );
      t.same(
        await said('/v1/actual_lrps/claim', 'ActualLRPLifecycleResponse', [
          'ClaimActualLRPRequest',
          { processGuid: '', index: -1 },
        ]),
        invalid('Invalid field: process_guid, Invalid field: actual_lrp_instance_key'),
      );
      t.same(
        await said('/v1/actual_lrps/evacuate_crashed', 'EvacuationResponse', [
          'EvacuateCrashedActualLRPRequest',
          { key: KEY, errorMessage: '' },
        ]),
        invalid('Invalid field: actual_lrp_instance_key, Invalid field: error_message'),
      );
      t.same(
        await said('/v1/actual_lrps/list_by_process_guids', 'ActualLRPsByProcessGuidsResponse', [
          'ActualLRPsByProcessGuidsRequest',
          { processGuids: [] },
        ]),
        invalid('process_guids must not be empty'),
      );
      t.same(
        await said('/v1/tasks/desire.r2', 'TaskLifecycleResponse', [
          'DesireTaskRequest',
          { taskGuid: 'a b', domain: '' },
        ]),
        invalid('Invalid field: task_guid, Invalid field: domain, Invalid field: task_definition'),
      );
      t.same(
        await said('/v1/domains/upsert', 'UpsertDomainResponse', [
          'UpsertDomainRequest',
          { domain: '', ttl: 1 },
        ]),
        invalid('Invalid field: domain'),
      );
      t.same(
        await said('/v1/tasks/get_by_task_guid.r3', 'TaskResponse', ['TaskByGuidRequest', { taskGuid: 'x' }]),
        NOT_FOUND,
      );
    }
  },
);

t.test('http - what JSON alone can get wrong is told with its place', async (t) => {
  const { socketPath } = await startBbs(t);
  const said = async (path: string, body: string) =>
    (JSON.parse((await raw(socketPath, path, { type: JSON_TYPE, body })).text) as { error?: object }).error;
  t.same(await said(DESIRE, ''), invalid('Invalid field: desired_lrp'));
  t.same(await said(DESIRE, 'not json'), invalid('the request received is invalid'));
  t.same(await said(DESIRE, '[]'), invalid('the request received is invalid'));
  t.same(
    await said(DESIRE, '{"desired_lrp":{"instances":"two","ports":[-1],"process_gid":"x"}}'),
    invalid(
      'desired_lrp.instances must be an integer, desired_lrp.ports[0] must be between 0 and 4294967295, ' +
        'desired_lrp.process_gid is not known; did you mean process_guid?',
    ),
  );
  t.same(await said('/v1/actual_lrps/claim', '{"process_guid":7}'), invalid('process_guid must be a string'));
  t.same(await said('/v1/desired_lrps/list.r3', ''), undefined, 'an empty body is an empty request');
});

t.test('http - whatever does not say that it is JSON is protobuf', async (t) => {
  const { socketPath } = await startBbs(t);
  must(decode('PingResponse', (await raw(socketPath, '/v1/ping')).bytes));
  const list = '/v1/desired_lrps/list.r3';
  const request = encode('DesiredLRPsRequest', { domain: 'd', processGuids: ['a'], appGuids: [] });
  for (const type of [
    undefined,
    '',
    'text/plain',
    'application/octet-stream',
    'application/jsonp',
    'nonsense',
  ]) {
    const answer = await raw(socketPath, list, { ...(type === undefined ? {} : { type }), body: request });
    t.match(
      answer,
      { status: 200, headers: { 'content-type': PROTO_TYPE, 'content-length': '0' } },
      String(type),
    );
  }
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', ' application/json']) {
    t.equal((await raw(socketPath, list, { type, body: '{}' })).text, '{}', type);
  }
  const garbage = await raw(socketPath, '/v1/ping', { type: PROTO_TYPE, body: 'garbage that nobody reads' });
  t.same(
    must(decode('PingResponse', garbage.bytes)),
    { available: true },
    'no body is looked at where none is due',
  );
  const cut = await raw(socketPath, list, { type: PROTO_TYPE, body: request.subarray(0, 2) });
  t.same(must(decode('DesiredLRPsResponse', cut.bytes)).error, invalid('the request received is invalid'));
});

t.test('http - what old and new clients put on the wire in their own way is read', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const wanted = desiredLrp({ ports: [8080, 2222] });
  const plain = encode('DesireLRPRequest', { desiredLrp: desiredLrp() });
  // field 14 of the LRP, packed: proto3's own default, which Go's clients switch off; then a field that nobody knows
  const packed = Buffer.from([0x72, 4, 0x90, 0x3f, 0xae, 0x11, 0xfa, 0x7f, 1, 0]);
  const lrp = Buffer.concat([encode('DesiredLRP', desiredLrp()), packed]);
  const length = lrp.length < 128 ? [lrp.length] : [(lrp.length & 127) | 128, lrp.length >> 7];
  const body = Buffer.concat([Buffer.from([plain[0] ?? 0, ...length]), lrp, Buffer.from([0xf8, 0x7f, 7])]);
  t.equal((await raw(socketPath, DESIRE, { type: PROTO_TYPE, body })).bytes.length, 0);
  t.match(must(await client.desiredLrp('app')), { ports: wanted.ports, processGuid: 'app' });
});

t.test('http - unknown paths and wrong methods', async (t) => {
  const { socketPath } = await startBbs(t);
  t.match(await raw(socketPath, '/v1/no/such', { type: JSON_TYPE, body: '{}' }), {
    status: 404,
    text: '404 page not found\n',
  });
  t.match(await raw(socketPath, '/v1/ping?x=1', { method: 'GET' }), {
    status: 405,
    headers: { allow: 'POST' },
  });
  t.match(await raw(socketPath, '/openapi.json'), { status: 405, headers: { allow: /GET/ } });
});

t.test('http - a body that is too large is refused with the limit', async (t) => {
  const { socketPath } = await startBbs(t, { config: { request_body_limit_bytes: 2_000 } });
  const body = 'x'.repeat(3_000);
  const error = { type: 'InvalidRequest', message: /larger than 2000 bytes.*request_body_limit_bytes/ };
  const json = await raw(socketPath, DESIRE, { type: JSON_TYPE, body });
  t.equal(json.status, 413);
  t.match(JSON.parse(json.text), { error });
  const protobuf = await raw(socketPath, DESIRE, { type: PROTO_TYPE, body });
  t.equal(protobuf.status, 413);
  t.match(must(decode('DesiredLRPLifecycleResponse', protobuf.bytes)), { error });
});

t.test('http - more requests than are taken at a time are turned away, and counted', async (t) => {
  const { socketPath, client, metrics } = await startBbs(t, { config: { concurrent_request_limit: 2 } });
  const slow = [1, 2].map(() => {
    const socket = createConnection(socketPath);
    socket.write(`POST ${DESIRE} HTTP/1.1\r\nhost: bbs\r\ncontent-length: 10\r\n\r\n`);
    return socket;
  });
  t.teardown(() => slow.forEach((socket) => socket.destroy()));
  const turnedAway = await eventually(async () => {
    const answer = await raw(socketPath, '/v1/ping');
    return answer.status === 503 ? answer : undefined;
  });
  t.match(turnedAway, {
    headers: { 'retry-after': '1' },
    text: /2 requests in hand.*concurrent_request_limit/,
  });
  t.match(await client.domains(), {
    ok: false,
    error: { unavailable: true, message: /2 requests in hand/ },
  });
  t.match(await samplesOf(metrics), { 'RequestsTurnedAway{route="Domains"}': 1 });
  slow[0]?.destroy();
  await eventually(async () => (await client.domains()).ok, { what: 'there is room again' });
});

t.test('http - claim and remove as Diego sends them, without a domain', async (t) => {
  const { client, socketPath } = await startBbs(t);
  must(await client.desireLrp(desiredLrp(), ''));
  const body =
    '{"process_guid":"app","index":0,"actual_lrp_instance_key":{"instance_guid":"one","cell_id":"cell-1"}}';
  const said = async (path: string) => (await raw(socketPath, path, { type: JSON_TYPE, body })).text;
  t.equal(await said('/v1/actual_lrps/claim'), '{}');
  t.equal(await said('/v1/actual_lrps/remove'), '{}');
});

t.test('http - whether a draining cell keeps a container is told with an error, too', async (t) => {
  const { socketPath } = await startBbs(t);
  const told = async (path: string, request: TransitionRequest) => {
    const body = encode('EvacuateStoppedActualLRPRequest', request);
    const { bytes } = await raw(socketPath, `/v1/actual_lrps/${path}`, { body });
    const { keepContainer, error } = must(decode('EvacuationResponse', bytes));
    return [keepContainer, error?.type];
  };
  const whole = { key: KEY, instanceKey: ONE };
  t.same(await told('evacuate_running.r1', {}), [true, 'InvalidRequest']);
  t.same(await told('evacuate_claimed', {}), [true, 'InvalidRequest']);
  t.same(await told('evacuate_stopped', {}), [false, 'InvalidRequest']);
  t.same(await told('evacuate_crashed', {}), [false, 'InvalidRequest']);
  t.same(await told('evacuate_claimed', whole), [false, 'ResourceNotFound']);
  t.same(await told('evacuate_stopped', whole), [false, 'ResourceNotFound']);
});

t.test('http - a long answer, sent part by part, is the answer as a whole', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const instances = 9_001;
  must(await client.desireLrp(desiredLrp({ instances }), ''));
  const path = '/v1/actual_lrps/list';
  const { bytes } = await raw(socketPath, path, { type: PROTO_TYPE });
  const { actualLrps } = must(decode('ActualLRPsResponse', bytes));
  t.equal(new Set(actualLrps.map(({ index }) => index)).size, instances);
  t.same(bytes, encode('ActualLRPsResponse', { actualLrps }));
  const json = await raw(socketPath, path, { type: JSON_TYPE, body: '{}' });
  t.same(must(fromJson('ActualLRPsResponse', JSON.parse(json.text))), { actualLrps });
  t.equal(json.text, JSON.stringify(toJson('ActualLRPsResponse', { actualLrps })));
  for (const { headers } of [json, await raw(socketPath, path, { type: PROTO_TYPE })]) {
    t.equal(headers['transfer-encoding'], 'chunked');
    t.equal(headers['content-length'], undefined);
  }
  const filtered = encode('ActualLRPsRequest', { domain: 'apps', cellId: '', processGuid: '' });
  t.same((await raw(socketPath, path, { type: PROTO_TYPE, body: filtered })).bytes, bytes);
});

t.test(
  'http - a long answer is of the moment in which it was asked for, however slowly it is read',
  async (t) => {
    const { client, socketPath } = await startBbs(t);
    must(await client.desireLrp(desiredLrp({ instances: 9_001 }), ''));
    const reader = new Client('http://bbs', { socketPath });
    t.teardown(() => reader.close());
    const { body } = await reader.request({ path: '/v1/actual_lrps/list', method: 'POST' });
    const begin = await client.actualLrps({ processGuid: 'app', index: 9_000 });
    must(await client.claimActualLrp({ key: { ...KEY, index: 9_000 }, instanceKey: ONE }, ''));
    must(await client.removeDesiredLrp('app', ''));
    const { actualLrps } = must(decode('ActualLRPsResponse', Buffer.from(await body.arrayBuffer())));
    t.equal(actualLrps.length, 9_001);
    t.ok(actualLrps.every(({ state }) => state === 'UNCLAIMED'));
    t.same(actualLrps.at(-1), must(begin)[0]);
  },
);

t.test('http - whoever goes away in the middle of a long answer holds up nothing', async (t) => {
  const { client, socketPath } = await startBbs(t, { config: { concurrent_request_limit: 2 } });
  must(await client.desireLrp(desiredLrp({ instances: 9_001 }), ''));
  for (let nth = 0; nth < 8; nth += 1) {
    const socket = createConnection(socketPath);
    socket.write('POST /v1/actual_lrps/list HTTP/1.1\r\nhost: bbs\r\ncontent-length: 0\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    t.match(bytes.toString('latin1'), /^HTTP\/1\.1 200 OK/);
    socket.destroy();
    await once(socket, 'close');
    await eventually(async () => (await client.domains()).ok, { what: 'others are let in again' });
  }
});
