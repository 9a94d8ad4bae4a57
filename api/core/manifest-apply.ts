import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import { appNamed, createApp, keepLifecycle } from './apps.js';
import type { ApiFailure } from './failure.js';
import { refuseCoded } from './failure.js';
import type { ManifestApp } from '../../common/model/manifest.js';
import { newProcess, processOfType, withManifest } from './processes.js';
import { defaultAddress, mapAddress, parseRoute, routesOf, unmapApp } from './routes.js';
import type { AppRow, Context, WriteTables } from './rows.js';

const updated = (app: AppRow, said: ManifestApp, now: string): AppRow => ({
  ...app,
  stack: said.stack ?? app.stack,
  buildpacks: said.buildpacks ?? app.buildpacks,
  env: { ...app.env, ...said.env },
  labels: { ...app.labels, ...said.labels },
  annotations: { ...app.annotations, ...said.annotations },
  updatedAt: now,
});

const ensureApp = (
  tables: WriteTables,
  context: Context,
  input: { spaceGuid: string; said: ManifestApp },
): Result<AppRow, ApiFailure[]> => {
  const { spaceGuid, said } = input;
  if (said.stack !== undefined && !context.settings.stacks.includes(said.stack)) {
    return refuseCoded('STACK_UNKNOWN', { stack: said.stack, stacks: context.settings.stacks.join(', ') });
  }
  const found = appNamed(tables, spaceGuid, said.name);
  const lifecycle = said.lifecycle;
  const base = found
    ? keepLifecycle(found, lifecycle)
    : createApp(tables, context, { spaceGuid, name: said.name, ...(lifecycle && { lifecycle }) });
  if (!base.ok) return base;
  const app = updated(base.value, said, context.now);
  tables.apps.put(app.guid, app);
  return ok(app);
};

const applyProcesses = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; said: ManifestApp },
): void => {
  for (const said of input.said.processes) {
    const known =
      processOfType(tables, input.app.guid, said.type) ?? newProcess(input.app, said.type, context);
    tables.processes.put(known.guid, withManifest(known, said, context.now));
  }
};

/** Routes are additive; `no-route` removes all; a default or random one only for an app that has none. */
const applyRoutes = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; said: ManifestApp },
): Result<void, ApiFailure[]> => {
  const { app, said } = input;
  if (said.noRoute) return ok(unmapApp(tables, context, app.guid));
  for (const { route, protocol, options } of said.routes ?? []) {
    const address = parseRoute(tables, route);
    if (!address.ok) return address;
    const mapped = mapAddress(tables, context, { app, address: address.value, protocol, options });
    if (!mapped.ok) return mapped;
  }
  const wanted = (said.randomRoute ?? false) || (said.defaultRoute ?? false);
  if (!wanted || routesOf(tables, app.guid).length > 0) return ok(undefined);
  const address = defaultAddress(tables, context, { app, random: said.randomRoute ?? false });
  if (!address.ok) return address;
  const mapped = mapAddress(tables, context, { app, address: address.value, protocol: 'http1', options: {} });
  return mapped.ok ? ok(undefined) : mapped;
};

/**
 * Applies a manifest: makes and changes apps, processes and routes, all or (the caller discards the
 * transaction on failure) nothing. What it does not mention stays. Answers the guids of its apps.
 */
export const applyManifest = (
  tables: WriteTables,
  context: Context,
  input: { spaceGuid: string; apps: readonly ManifestApp[] },
): Result<string[], ApiFailure[]> => {
  const guids: string[] = [];
  for (const said of input.apps) {
    const app = ensureApp(tables, context, { spaceGuid: input.spaceGuid, said });
    if (!app.ok) return app;
    applyProcesses(tables, context, { app: app.value, said });
    const routed = applyRoutes(tables, context, { app: app.value, said });
    if (!routed.ok) return routed;
    guids.push(app.value.guid);
  }
  return ok(guids);
};
