import { Ajv } from 'ajv';
import fc from 'fast-check';
import t from 'tap';
import type { BbsAnswerName, BbsRequestName } from '../../common/model/bbs-api.js';
import { blank, fromJson, toJson } from '../../common/wire/codec.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { BBS_ROUTES, methodOf } from '../../common/wire/routes.js';
import type { BbsRoute } from '../../common/wire/routes.js';
import { HANDLERS } from '../../bbs/handlers/calls.js';
import { openApi } from '../../bbs/handlers/openapi.js';
import { raw, startBbs } from '../support/http-bbs.js';
import { arbitraries } from '../support/wire-arbitraries.js';

type Name = BbsRequestName | BbsAnswerName;

interface Operation {
  operationId: string;
  requestBody?: unknown;
  responses: Record<string, unknown>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
}

const document = JSON.parse(JSON.stringify(openApi())) as Document;
const isStream = (route: BbsRoute): boolean => /EventStream|OutcryDump/.test(route);

const names = [
  ...new Set(HANDLERS.flatMap(({ call: { request, answer } }) => (request ? [request, answer] : [answer]))),
] as Name[];

const ajv = new Ajv({ strict: false, validateFormats: false });
ajv.addSchema(document, 'api');
const validatorOf = (name: string) => ajv.compile({ $ref: `api#/components/schemas/${name}` });

t.test('openapi - every route but the streams is described, and nothing else', async (t) => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`,
    ),
  );
  const routes = (Object.keys(BBS_ROUTES) as BbsRoute[]).filter((route) => !isStream(route));
  t.same(described.sort(), routes.map((route) => `${route} ${methodOf(route)} ${BBS_ROUTES[route]}`).sort());
});

t.test('openapi - it is served, and every description in it is whole', async (t) => {
  const { socketPath } = await startBbs(t);
  const { status, headers, text } = await raw(socketPath, '/openapi.json', { method: 'GET' });
  t.match({ status, headers }, { status: 200, headers: { 'content-type': 'application/json' } });
  t.same(JSON.parse(text), document);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    (match) => match[1] ?? '',
  );
  t.ok(references.length > 200);
  t.same(
    [...new Set(references)].sort(),
    Object.keys(document.components.schemas).sort(),
    'each is used, and there',
  );
  t.match(text, /AND-ed/, 'with what the definitions say of the messages');
});

t.test('openapi - what is sent and taken as JSON is as described', async (t) => {
  for (const name of names) {
    const isValid = validatorOf(name);
    const json = (message: unknown): unknown =>
      JSON.parse(JSON.stringify(toJson(name, message as WireMessages[typeof name])));
    t.ok(isValid(json(blank(name))), `${name}, blank`);
    fc.assert(
      fc.property(arbitraries[name] as fc.Arbitrary<unknown>, (message) => {
        if (!isValid(json(message))) throw new Error(`${name}: ${ajv.errorsText(isValid.errors)}`);
      }),
      { numRuns: 20 },
    );
  }
});

t.test(
  'openapi - what is not as described is refused: unknown fields, and every field of a wrong type',
  async (t) => {
    let tried = 0;
    for (const name of names) {
      const isValid = validatorOf(name);
      for (const field of [
        'no_such_field',
        ...Object.keys(document.components.schemas[name]?.properties ?? {}),
      ]) {
        const wrong = { [field]: [[field]] };
        t.notOk(isValid(wrong) || fromJson(name, wrong).ok, `${name}.${field}`);
        tried += 1;
      }
    }
    t.ok(tried > 150);
  },
);
