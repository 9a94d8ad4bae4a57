/** What is done for an executor before it is started: its directory, and its URIs in it. */
import { appendFile, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import type { LaunchFailure, LaunchRequest } from '../agent/launcher.js';
import { choosesAccounts, findAccount } from './accounts.js';
import type { Account } from './accounts.js';
import { fetchUris } from './fetch-uris.js';

export const failedLaunch = (status: number, message: string): Result<never, LaunchFailure> =>
  err({
    status,
    state: 'TASK_FAILED',
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: `Failed to launch container: ${message}`,
  });

const noDirectory = ({ sandbox }: LaunchRequest, why: string): Result<never, LaunchFailure> =>
  err({
    status: -1,
    state: 'TASK_DROPPED',
    reason: 'REASON_EXECUTOR_TERMINATED',
    message: `Failed to create executor directory '${sandbox}': ${why}`,
  });

const makeSandbox = async (sandbox: string, account: Account | undefined): Promise<void> => {
  await mkdir(sandbox, { recursive: true });
  if (account) await chown(sandbox, account.uid, account.gid);
};

/** An agent with the one containerizer that runs processes has no answer to these. */
const isForOthers = ({ container }: LaunchRequest['executor']): boolean =>
  container?.type === 'DOCKER' || container?.mesos?.image !== undefined;

/** The raw status of Mesos's fetcher when it fails. */
const NOT_FETCHED = 256;

/** `signal` ends the fetching. The account that the executor is to run in comes back; undefined: this process's own. */
export const prepareSandbox = async (
  request: LaunchRequest,
  signal: AbortSignal,
): Promise<Result<Account | undefined, LaunchFailure>> => {
  const { user, sandbox, containerId, executor } = request;
  if (isForOthers(executor)) return failedLaunch(-1, 'no containerizer of this agent takes images');
  const account = choosesAccounts() ? findAccount(user) : undefined;
  if (choosesAccounts() && account === undefined)
    return noDirectory(request, `Failed to chown directory to '${user}': No such user '${user}'`);
  try {
    await makeSandbox(sandbox, account);
  } catch (error) {
    return noDirectory(request, (error as Error).message);
  }
  try {
    await fetchUris(executor.command?.uris ?? [], sandbox, signal);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    await appendFile(join(sandbox, 'stderr'), `Failed to fetch: ${why}\n`).catch(() => undefined);
    const message = `Failed to fetch all URIs for container '${containerId}': exited with status 1`;
    return failedLaunch(NOT_FETCHED, message);
  }
  return ok(account);
};
