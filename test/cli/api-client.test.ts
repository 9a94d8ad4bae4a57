import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type CliOptions, createFakeCli } from '../support/cli-context.js';
import { type Answer, type FakeCfOptions, createFakeCf, refusal } from '../support/fake-cf.js';

const fails = async (t: Test, options: CliOptions, expected: RegExp): Promise<void> => {
  const cli = createFakeCli(options);
  t.teardown(() => cli.close());
  t.equal(await cli.run('apps'), 1);
  t.match(cli.err(), expected);
  t.match(cli.err(), /^outcry: [A-Z_]+: [^\n]+; [^\n]+\n$/, 'one line: code, message, remedy');
  t.equal(cli.out(), '');
};

const answering = async (t: Test, answer: Answer, options: FakeCfOptions = {}) => {
  const cf = await createFakeCf({ ...options, on: { 'GET /v3/apps': () => answer } });
  t.teardown(() => cf.close());
  return cf;
};

t.test('target - nothing runs, or what it has written is not readable', async (t) => {
  const home = t.testdir({});
  await fails(t, { env: { HOME: home } }, /^outcry: NOT_RUNNING: .*\.outcry\/endpoint\.json cannot be read/);
  mkdirSync(join(home, '.outcry'));
  for (const text of ['', 'no json', '[]', 'null', '{"api": 1, "token": "x"}', '{"api": "http://x"}']) {
    writeFileSync(join(home, '.outcry/endpoint.json'), text);
    await fails(t, { env: { HOME: home } }, /^outcry: NOT_RUNNING: /);
  }
});

t.test('target - the file of the running system, another directory, the environment', async (t) => {
  const cf = await answering(t, { json: { resources: [] } });
  const dir = t.testdir({ 'endpoint.json': JSON.stringify({ api: cf.url, token: cf.token }) });
  for (const env of [
    { OUTCRY_DATA: dir },
    { OUTCRY_DATA: '/nonexistent', OUTCRY_API: cf.url, OUTCRY_TOKEN: cf.token },
    { OUTCRY_DATA: dir, OUTCRY_API: '' },
  ]) {
    const cli = createFakeCli({ env });
    t.equal(await cli.run('apps'), 0, cli.err());
    await cli.close();
  }
  await fails(t, { env: { OUTCRY_API: cf.url } }, /^outcry: TOKEN_MISSING: OUTCRY_API is set to http/);
});

t.test('api - nobody there, and no address', async (t) => {
  const env = { OUTCRY_TOKEN: 'x' };
  const gone = await createFakeCf();
  await gone.close();
  const refused =
    /^outcry: API_UNREACHABLE: no answer from the API at http:.*ECONNREFUSED.*; start the system with/;
  await fails(t, { env: { ...env, OUTCRY_API: gone.url } }, refused);
  for (const url of ['localhost:8081', 'not a url', 'ftp://localhost']) {
    await fails(
      t,
      { env: { ...env, OUTCRY_API: url } },
      /^outcry: API_UNREACHABLE: no answer from the API at /,
    );
  }
});

t.test('api - hangs up in the middle', async (t) => {
  await fails(t, { api: await answering(t, 'cut') }, /^outcry: API_UNREACHABLE: /);
});

t.test('api - another token', async (t) => {
  const cf = await answering(t, { json: {} });
  const api = { url: cf.url, token: 'wrong' };
  await fails(t, { api }, /^outcry: TOKEN_REFUSED: the API does not accept this token; /);
});

t.test("api - its errors in the registry's words, or its own", async (t) => {
  const details = { reason: 'the store is\nasleep' };
  await fails(
    t,
    { api: await answering(t, refusal(503, 'BBS_UNAVAILABLE', details)) },
    /^outcry: BBS_UNAVAILABLE: the bulletin board does not answer: the store is asleep; /,
  );
  const errors = [
    { title: 'CF-X', detail: 'first', outcry: { code: 'FROM_LATER', details: {} } },
    { detail: 'b' },
  ];
  await fails(
    t,
    { api: await answering(t, { status: 422, json: { errors } }) },
    /^outcry: API_REFUSED: the API refused \(422 CF-X\): first \(and 1 more\); /,
  );
  for (const json of [{}, { errors: 'x' }, null, []]) {
    await fails(t, { api: await answering(t, { status: 500, json }) }, /^outcry: API_REFUSED: .*\(500 /);
  }
});

t.test('api - something else answers there', async (t) => {
  for (const status of [200, 404]) {
    const text = '<html>\n<h1>It works</h1>';
    await fails(
      t,
      { api: await answering(t, { status, text }) },
      /^outcry: API_NOT_OUTCRY: what answers at http:\S+ is not the API: status \d+, "<html>/,
    );
  }
});

t.test('api - Ctrl-C ends a look that is not answered', async (t) => {
  const cf = await createFakeCf({
    on: {
      'GET /v3/apps': () => {
        cli.interrupt();
        return 'hang';
      },
    },
  });
  const cli = createFakeCli({ api: cf });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  t.equal(await cli.run('apps'), 130);
  t.equal(cli.err(), '');
});

t.test('errors - what nobody foresaw is one line too', async (t) => {
  const api = await answering(t, { json: { resources: 'not a list' } });
  await fails(
    t,
    { api },
    /^outcry: INTERNAL: unexpected failure: .*; this is a defect: report it with the log/,
  );
});
