import { describeJson } from '../../common/wire/codec.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import type { Described } from '../protocol/call.js';
import { HANDLERS } from './calls.js';

const DESCRIPTION = `The bulletin board's calls: Diego's, with its paths and its JSON names, and Outcry's own.

The same messages are taken and given as protobuf (application/x-protobuf), which is what a request is taken for that
does not say that it is JSON. An error of the board comes with status 200, in the field error of the answer; its type is
what clients compare. X-Vcap-Request-Id, when given, is the trace id of all that the request causes.`;

const bodyOf = (name: string) => ({
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});

/** `/v1/actual_lrps/claim` → `actual_lrps` */
const tagOf = (path: string): string => path.split('/')[2] ?? '';

const operation = ({ route, summary, request, answer, deprecated }: Described) => ({
  operationId: route,
  summary,
  tags: [tagOf(BBS_ROUTES[route])],
  ...(deprecated && { deprecated }),
  ...(request !== undefined && { requestBody: bodyOf(request) }),
  responses: {
    200: { description: 'The answer, or the error in it.', ...bodyOf(answer) },
    413: { description: 'The body is too large.', ...bodyOf(answer) },
    503: { description: 'This BBS does not serve, or has too much in hand, or its store failed: ask again.' },
  },
});

const calls: readonly Described[] = HANDLERS.map(({ call }) => call);

/** OpenAPI 3 of every call that has a JSON form, made of the same definitions as the calls themselves. */
export const openApi = () => ({
  openapi: '3.0.3',
  info: { title: 'Outcry BBS', version: '1', description: DESCRIPTION },
  paths: Object.fromEntries(calls.map((call) => [BBS_ROUTES[call.route], { post: operation(call) }])),
  components: {
    schemas: describeJson(calls.flatMap(({ request, answer }) => (request ? [request, answer] : [answer]))),
  },
});
