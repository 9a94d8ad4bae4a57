/** How a container's processes are started: they join its network. */
import { posix } from 'node:path';
import type { Container as EngineContainer } from 'dockerode';
import { BINDINGS_ROOT } from '../../core/container-runtime.js';
import { CREDENTIALS_ROOT } from '../../core/credentials.js';
import type { ProcessSpec, RunResult } from '../../core/container-runtime.js';
import { specProblem } from '../process/environment.js';
import { placeFiles, statOf } from './content.js';
import { commandOf, processOptions } from './create-options.js';
import { reasonOf, statusOf, unless } from './engine-error.js';
import { NO_ADDRESS, hasLostNetwork, networkOwner, openNetwork, takeAddress } from './network.js';
import { register } from './parts.js';
import type { Parts } from './parts.js';
import type { EngineProcess } from './process.js';

const GONE = 404;
const SHELL = '/bin/sh';

/** Said before the start: afterwards it is a line among the application's own, and a status like any other. */
const missingProgram = async (
  { image }: Parts,
  made: EngineContainer,
  spec: ProcessSpec,
): Promise<string | undefined> => {
  const [program = ''] = commandOf(image, spec);
  if (image.isStack || !posix.isAbsolute(program)) return undefined;
  try {
    await statOf(made, program);
    return undefined;
  } catch (error) {
    if (statusOf(error) !== GONE) throw error;
    const shell = program === SHELL ? ', which a start command or a task takes' : '';
    return `the image has no ${program}${shell}`;
  }
};

const makeProcess = async (
  parts: Parts,
  spec: ProcessSpec,
  joins: string | undefined,
): Promise<EngineProcess> => {
  const { cell, record, image } = parts;
  if (joins === undefined) Object.assign(parts, NO_ADDRESS);
  const made = await cell.docker.createContainer(processOptions({ cell, record, image, spec, joins }));
  try {
    const missing = await missingProgram(parts, made, spec);
    if (missing !== undefined) throw new Error(missing);
    if (spec.files !== undefined) await placeFiles(made, BINDINGS_ROOT, spec.files);
    if (parts.credentials !== undefined) await placeFiles(made, CREDENTIALS_ROOT, parts.credentials);
    await made.start();
  } catch (error) {
    await unless([GONE], made.remove({ force: true, v: true }));
    throw error;
  }
  const one = register(parts, spec.id, made);
  if (joins === undefined) {
    parts.owner = spec.id;
    takeAddress(parts, (await made.inspect()).NetworkSettings.Networks);
  }
  return one;
};

/** Who has the network may end at any moment. */
const joinOrOwn = async (parts: Parts, spec: ProcessSpec): Promise<EngineProcess> => {
  const joins = networkOwner(parts) ?? (await openNetwork(parts));
  try {
    return await makeProcess(parts, spec, joins);
  } catch (error) {
    if (joins === undefined || !(await hasLostNetwork(parts, joins))) throw error;
    return makeProcess(parts, spec, await openNetwork(parts));
  }
};

/** Starts a process, after all that were asked for before. */
export const runIn = async (parts: Parts, spec: ProcessSpec): Promise<RunResult> => {
  const { image, processes, record } = parts;
  const command = commandOf(image, spec);
  const problem = specProblem({ ...spec, path: command[0] ?? '' });
  if (problem !== undefined) return { ok: false, reason: problem };
  if (parts.overDisk) return { ok: false, reason: `over its disk limit of ${record.spec.limits.diskMb} MB` };
  if (processes.has(spec.id)) return { ok: false, reason: `process ${spec.id} exists already` };
  try {
    return { ok: true, process: (await joinOrOwn(parts, spec)).running };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
};
