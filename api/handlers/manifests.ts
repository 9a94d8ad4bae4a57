import type { FastifyInstance, FastifyReply } from 'fastify';
import { LineCounter, isMap, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { codedFailure, notFound } from '../core/failure.js';
import { manifestDiff } from '../core/manifest-diff.js';
import type { ManifestApp } from '../../common/model/manifest.js';
import { readManifest } from '../../common/model/manifest.js';
import type { Path, Problem } from '../../common/model/read.js';
import { pointer } from '../../common/model/read.js';
import type { ApiSettings } from '../core/rows.js';
import type { Deps } from './deps.js';
import { guidOf, send, sendFailures, sendJob } from './respond.js';

interface Parsed {
  apps: ManifestApp[];
  raw: unknown;
}

const unreadable = (reason: string): { ok: false; error: ApiFailure[] } =>
  err([codedFailure('MANIFEST_UNREADABLE', { reason })]);

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** Where a key or value stands; 1 when it is not there. */
const lineOf = (document: Document, lines: LineCounter, path: Path): number => {
  const parent = path.length > 0 ? document.getIn(path.slice(0, -1), true) : undefined;
  const key = path.at(-1);
  const pair = isMap(parent)
    ? parent.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(key))
    : undefined;
  const node = pair?.key ?? document.getIn(path, true) ?? parent;
  const range = (node as { range?: [number, number, number] } | undefined)?.range;
  return range ? lines.linePos(range[0]).line : 1;
};

const failureOf =
  (document: Document, lines: LineCounter) =>
  ({ path, kind, reason }: Problem): ApiFailure => {
    const place = { field: pointer(path), line: lineOf(document, lines, path) };
    if (kind === 'unknown-key') {
      const hint = reason === '' ? '' : `; did you mean "${reason}"?`;
      return codedFailure('MANIFEST_KEY_UNKNOWN', { ...place, hint });
    }
    const code = kind === 'unsupported' ? 'MANIFEST_KEY_UNSUPPORTED' : 'MANIFEST_VALUE_INVALID';
    return codedFailure(code, { ...place, reason });
  };

/** Characters. Reading YAML takes time that grows faster than its length, and nobody else is served meanwhile. */
const LONGEST_MANIFEST = 128 * 1024;

const parseManifest = (body: unknown, settings: ApiSettings): Result<Parsed, ApiFailure[]> => {
  if (typeof body !== 'string') return unreadable('no YAML was sent (content type application/x-yaml)');
  if (body.length > LONGEST_MANIFEST) return unreadable(`longer than ${LONGEST_MANIFEST / 1024} KB`);
  const lines = new LineCounter();
  const document = parseDocument(body, { lineCounter: lines });
  const [problem] = document.errors;
  if (problem) return unreadable(firstLine(problem.message));
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error));
  }
  const apps = readManifest(raw, settings);
  return apps.ok ? ok({ apps: apps.value, raw }) : err(apps.error.map(failureOf(document, lines)));
};

export const manifestRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { state, operations } = deps;

  const withManifest = async (
    request: { guid: string; body: unknown },
    reply: FastifyReply,
    use: (parsed: Parsed) => Promise<FastifyReply> | FastifyReply,
  ): Promise<FastifyReply> => {
    if (!state.tables.spaces.get(request.guid)) return sendFailures(reply, notFound('Space').error);
    const parsed = parseManifest(request.body, state.settings);
    return parsed.ok ? use(parsed.value) : sendFailures(reply, parsed.error);
  };

  server.post('/v3/spaces/:guid/manifest_diff', (request, reply) =>
    withManifest({ guid: guidOf(request), body: request.body }, reply, ({ apps, raw }) => {
      const diff = manifestDiff(state.tables, { spaceGuid: guidOf(request), apps, raw });
      return send(reply, ok(diff), (value) => ({ diff: value }), 201);
    }),
  );

  server.post('/v3/spaces/:guid/actions/apply_manifest', (request, reply) =>
    withManifest({ guid: guidOf(request), body: request.body }, reply, async ({ apps }) =>
      sendJob(request, reply, await operations.apply(guidOf(request), apps)),
    ),
  );
};
