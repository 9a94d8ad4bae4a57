import { isToken } from '../../common/model/ids.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';

/** Which LRP instance a Mesos task is. */
export interface LrpTask {
  readonly kind: 'lrp';
  readonly instanceGuid: string;
  readonly index: number;
  readonly processGuid: string;
}

/** Which task a Mesos task is, and the how-manieth attempt: one guid for each. */
export interface OneOffTask {
  readonly kind: 'task';
  readonly attemptGuid: string;
  readonly taskGuid: string;
}

export type TaskIdentity = LrpTask | OneOffTask;

/** Mesos's bound on ids: they become names of directories. */
const LONGEST = 255;

// control characters and separators of paths: Mesos refuses them in ids
const FORBIDDEN = /[\p{Cc}/\\]/u;

const ends = (of: TaskIdentity): readonly [string, string] =>
  of.kind === 'lrp' ? [of.instanceGuid, of.processGuid] : [of.attemptGuid, of.taskGuid];

const idOf = (identity: TaskIdentity): string => {
  const [attempt, guid] = ends(identity);
  return identity.kind === 'lrp' ? `lrp.${attempt}.${identity.index}.${guid}` : `task.${attempt}.${guid}`;
};

/**
 * The id of the Mesos task for this attempt: fresh for each, since an id that is still in use, or unreachable, is
 * refused (mesos-v1.md §8). The guid that the user chose comes last, so that it may hold dots.
 */
export const taskIdOf = (identity: TaskIdentity): Result<string, string> => {
  const [attempt, guid] = ends(identity);
  if (!isToken(attempt)) return err(`"${attempt}" cannot be a part of a Mesos task id`);
  if (guid === '' || FORBIDDEN.test(guid)) return err(`"${guid}" cannot be a part of a Mesos task id`);
  if (identity.kind === 'lrp' && !(Number.isSafeInteger(identity.index) && identity.index >= 0))
    return err(`${identity.index} is no index of an instance`);
  const id = idOf(identity);
  return id.length <= LONGEST
    ? ok(id)
    : err(`the guid makes a Mesos task id of ${id.length} characters, and Mesos takes at most ${LONGEST}`);
};

const LRP = /^lrp\.([A-Za-z0-9_-]+)\.(0|[1-9]\d{0,14})\.([^]+)$/;
const TASK = /^task\.([A-Za-z0-9_-]+)\.([^]+)$/;

/** What that Mesos task is; undefined for one that no bridge has made. */
export const parseTaskId = (id: string): TaskIdentity | undefined => {
  const [, instanceGuid, index, processGuid] = LRP.exec(id) ?? [];
  if (instanceGuid !== undefined && processGuid !== undefined)
    return { kind: 'lrp', instanceGuid, index: Number(index), processGuid };
  const [, attemptGuid, taskGuid] = TASK.exec(id) ?? [];
  return attemptGuid !== undefined && taskGuid !== undefined
    ? { kind: 'task', attemptGuid, taskGuid }
    : undefined;
};

/** By which the BBS knows it: an LRP's instance guid, a task's own guid. */
export const guidOf = (identity: TaskIdentity): string =>
  identity.kind === 'lrp' ? identity.instanceGuid : identity.taskGuid;

/** The same in readable form, for the labels of the Mesos task. */
export const labelsOf = (identity: TaskIdentity, domain: string): { key: string; value: string }[] =>
  identity.kind === 'lrp'
    ? [
        { key: 'process_guid', value: identity.processGuid },
        { key: 'index', value: String(identity.index) },
        { key: 'instance_guid', value: identity.instanceGuid },
        { key: 'domain', value: domain },
      ]
    : [
        { key: 'task_guid', value: identity.taskGuid },
        { key: 'attempt_guid', value: identity.attemptGuid },
        { key: 'domain', value: domain },
      ];
