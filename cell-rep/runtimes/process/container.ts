/** One container of the process runtime. */
import { chmod, chown, copyFile, mkdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { unpack } from '../../archive/unpack.js';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type {
  Container,
  PlacedContent,
  PlaceResult,
  ProcessSpec,
  ReadFileResult,
  RunningProcess,
  RunResult,
} from '../../core/container-runtime.js';
import { buildEnvironment, specProblem } from './environment.js';
import type { Helper } from './helper.js';
import { removeTree } from './layout.js';
import type { ContainerRecord, Layout } from './layout.js';
import { createSupervisedProcess, readExit } from './process.js';
import type { SupervisedProcess } from './process.js';

/** What all containers of a cell share. */
export interface ContainerContext {
  clock: Clock;
  logger: Logger;
  helper: Helper;
  /** by directory: whom to tell that a supervisor has ended */
  processes: Map<string, SupervisedProcess>;
  path: string;
  outputFileBytes: number;
  archiveLimits: ArchiveLimits;
  /** gives ports and user back */
  release(record: ContainerRecord): Promise<void>;
}

/** Time for everything killed to be gone, before the supervisors themselves are killed. */
const DESTROY_PATIENCE_MS = 5000;
const RECHECK_MS = 50;

/** `lost`: the helper died over it, nothing was started */
type StartResult = { ok: true; process: RunningProcess } | { ok: false; reason: string; lost: boolean };

const createDeadline = (clock: Clock, ms: number): { passed: Promise<undefined>; cancel(): void } => {
  let cancel: () => void = () => undefined;
  const passed = new Promise<undefined>((resolve) => (cancel = clock.after(ms, () => resolve(undefined))));
  return { passed, cancel: () => cancel() };
};

const inside = (home: string, path: string): string | undefined => {
  const target = resolve(home, path);
  const below = relative(home, target);
  return below.startsWith('..') || isAbsolute(below) ? undefined : target;
};

const startRequest = (
  process: { dir: string; spec: ProcessSpec; env: Record<string, string> },
  record: ContainerRecord,
  place: { home: string; outputFileBytes: number },
): string[] => {
  const { dir, spec, env } = process;
  const user = String(record.uid);
  // a limit on processes counts all of a user: only where the user is the container's own
  const pids = record.uid >= 0 ? record.spec.limits.maxPids : 0;
  return [
    dir,
    `${record.spec.guid}/${spec.id}`,
    user,
    user,
    String(spec.nofile ?? 0),
    String(pids),
    String(place.outputFileBytes),
    resolve(place.home, spec.dir),
    String(spec.args.length),
    spec.path,
    ...spec.args,
    ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
  ];
};

export interface ProcessContainer extends Container {
  /** finds processes of an earlier life */
  adopt(ids: readonly string[]): Promise<void>;
  /** stops watching; what runs goes on */
  detach(): void;
}

export const createProcessContainer = (
  context: ContainerContext,
  layout: Layout,
  record: ContainerRecord,
): ProcessContainer => {
  const { clock, logger, helper } = context;
  const processes = new Map<string, SupervisedProcess>();
  let stages = 0;
  let destroying: Promise<void> | undefined;
  const user = String(record.uid);

  const register = (id: string, exit?: Awaited<ReturnType<typeof readExit>>): SupervisedProcess => {
    const dir = join(layout.proc, id);
    const one = createSupervisedProcess({ dir, clock, logger, ...(exit && { exit }) });
    processes.set(id, one);
    return one;
  };
  const unregister = async (one: SupervisedProcess): Promise<void> => {
    processes.delete(one.running.id);
    context.processes.delete(one.dir);
    one.close();
    await removeTree(one.dir);
  };

  /** The helper died over it: the supervisor lives and has said so in its file, or it is found to be gone. */
  const startedAfterAll = async (one: SupervisedProcess): Promise<boolean> => {
    while (one.info().running) {
      if (await one.identity()) return true;
      await clock.sleep(RECHECK_MS);
    }
    return (await one.identity()) !== undefined;
  };

  const start = async (spec: ProcessSpec, env: Record<string, string>): Promise<StartResult> => {
    const one = register(spec.id);
    await mkdir(one.dir, { mode: 0o700 });
    await writeFile(join(one.dir, 'lock'), '', { mode: 0o600 });
    const { outputFileBytes } = context;
    const fields = startRequest({ dir: one.dir, spec, env }, record, { home: layout.home, outputFileBytes });
    await helper.ready();
    // from here on its end may be told; not before, when nobody holds its lock yet
    context.processes.set(one.dir, one);
    const reply = await helper.request('start', ...fields);
    if (reply.ok || (reply.lost && (await startedAfterAll(one)))) return { ok: true, process: one.running };
    await one.endSession(); // should its supervisor have been killed just after it began
    await unregister(one);
    return { ok: false, reason: reply.reason, lost: reply.lost };
  };

  const run = async (spec: ProcessSpec): Promise<RunResult> => {
    const problem = specProblem(spec);
    if (problem !== undefined) return { ok: false, reason: problem };
    if (processes.has(spec.id)) return { ok: false, reason: `process ${spec.id} exists already` };
    if (destroying) return { ok: false, reason: 'the container is being destroyed' };
    const place = { home: layout.home, tmp: layout.tmp, path: context.path, ports: record.ports };
    const env = buildEnvironment(spec, place);
    const first = await start(spec, env);
    // the helper died over it, and it is certain that nothing was started: its successor may try
    return !first.ok && first.lost ? start(spec, env) : first;
  };

  const stage = async (content: PlacedContent, dir: string): Promise<PlaceResult> => {
    const tree = join(dir, 'tree');
    if (content.unpack) {
      const owner = record.uid >= 0 ? { uid: record.uid, gid: record.uid } : {};
      return unpack({ file: content.file, to: tree, limits: context.archiveLimits, ...owner });
    }
    await copyFile(content.file, tree);
    await chmod(tree, 0o644);
    if (record.uid >= 0) await chown(tree, record.uid, record.uid);
    return { ok: true };
  };

  /** Written where the container's user cannot reach, then moved into its home with no more than that user's rights. */
  const place = async (content: PlacedContent): Promise<PlaceResult> => {
    const target = inside(layout.home, content.to);
    if (target === undefined)
      return { ok: false, reason: `${content.to} is outside of the container's home` };
    const dir = join(layout.dir, `stage-${++stages}`);
    try {
      await mkdir(dir, { mode: 0o700 });
      const staged = await stage(content, dir);
      if (!staged.ok) {
        await removeTree(dir);
        return staged;
      }
      // moving out of a directory takes the right to write to it. From here on its user may change what is in it:
      // no removing of trees by us any more, what a failed move leaves stays until destroy
      if (record.uid >= 0) await chown(dir, record.uid, record.uid);
      const moved = await helper.request('merge', user, user, join(dir, 'tree'), target);
      await rmdir(dir).catch(() => undefined);
      return moved.ok ? { ok: true } : { ok: false, reason: moved.reason };
    } catch (error) {
      return { ok: false, reason: (error as Error).message };
    }
  };

  const readFile = async (path: string, limitBytes: number): Promise<ReadFileResult> => {
    if (path.includes('\0')) return { ok: false, reason: 'unreadable' };
    const target = isAbsolute(path) ? path : inside(layout.home, path);
    if (target === undefined) return { ok: false, reason: 'unreadable' };
    const reply = await helper.request('read', user, user, target, String(limitBytes));
    if (reply.ok) return { ok: true, content: Buffer.from(reply.rest) };
    const known = reply.reason === 'absent' || reply.reason === 'too-large';
    return { ok: false, reason: known ? (reply.reason as 'absent' | 'too-large') : 'unreadable' };
  };

  const killSupervisors = async (): Promise<void> => {
    for (const one of processes.values()) {
      if (!one.info().running) continue;
      const who = await one.identity();
      logger.warn('supervisor-does-not-end', { dir: one.dir });
      try {
        if (who) process.kill(who.supervisor, 'SIGKILL');
      } catch {
        // it ended just now
      }
      await one.supervisorGone();
    }
  };

  /** Answers whether it is certain that nothing of the container runs any more. */
  const endAll = async (): Promise<boolean> => {
    const all = [...processes.values()];
    await Promise.all(all.map((one) => one.running.signal('SIGKILL')));
    const ended = Promise.all(all.map((one) => one.ended));
    const late = createDeadline(clock, DESTROY_PATIENCE_MS);
    const exits = await Promise.race([ended, late.passed]);
    late.cancel();
    if (!exits) await killSupervisors();
    return exits?.every((exit) => exit.clean) ?? false;
  };

  const destroy = async (): Promise<void> => {
    await rename(layout.record, layout.destroyed).catch(() => undefined);
    // a daemon that left its group, a fork that slipped through
    if (!(await endAll()) && record.uid > 0) await helper.request('killall', user);
    for (const one of processes.values()) {
      one.close();
      context.processes.delete(one.dir);
    }
    // the mark goes last: whoever finds it finishes the removal
    for (const part of [layout.home, layout.tmp, layout.proc]) await removeTree(part);
    await removeTree(layout.dir);
    await context.release(record);
  };

  return {
    guid: record.spec.guid,
    info: () => ({
      guid: record.spec.guid,
      tags: record.spec.tags,
      address: '127.0.0.1',
      instanceAddress: '127.0.0.1',
      ports: record.ports,
      processes: [...processes.values()].map((one) => one.info()),
    }),
    run,
    process: (id) => processes.get(id)?.running,
    place,
    readFile,
    destroy: () => (destroying ??= destroy()),
    async adopt(ids) {
      for (const id of ids) {
        const exit = await readExit(join(layout.proc, id));
        const one = register(id, exit);
        context.processes.set(one.dir, one);
        if (!exit) await helper.request('watch', one.dir);
      }
    },
    detach() {
      for (const one of processes.values()) one.close();
    },
  };
};
