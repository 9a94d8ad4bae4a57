import type { Endpoint } from './endpoint.js';
import type { RoutePool } from './pool.js';
import { appInstanceUnknown, processInstanceUnknown } from './replies.js';
import { INVALID_APP_INSTANCE, INVALID_PROCESS_INSTANCE } from './replies.js';
import type { RouterReply } from './replies.js';

/** What a request's header says of who is to serve it: only these endpoints of its route. */
export interface InstanceChoice {
  readonly accepts: (endpoint: Endpoint) => boolean;
  /** when the route has no such endpoint; `host` as the client wrote it */
  readonly unknown: (host: string) => RouterReply;
}

export type InstanceChoiceRead = { readonly choice: InstanceChoice } | { readonly reply: RouterReply };

const UUID = '[\\da-f]{8}-(?:[\\da-f]{4}-){3}[\\da-f]{12}';
const APP_INSTANCE = new RegExp(`^(${UUID}):(\\d+)$`);
const PROCESS_INSTANCE = new RegExp(`^(${UUID})(?::(\\d+))?$`);

const readAppInstance = (header: string): InstanceChoiceRead => {
  const [, guid, index] = APP_INSTANCE.exec(header) ?? [];
  if (guid === undefined || index === undefined) return { reply: INVALID_APP_INSTANCE };
  return {
    choice: {
      accepts: ({ app, instanceIndex }) => app === guid && instanceIndex === index,
      unknown: (host) => appInstanceUnknown(guid, index, host),
    },
  };
};

const readProcessInstance = (header: string): InstanceChoiceRead => {
  const [, guid, index] = PROCESS_INSTANCE.exec(header) ?? [];
  if (guid === undefined) return { reply: INVALID_PROCESS_INSTANCE };
  return {
    choice: {
      accepts: ({ tags, instanceIndex }) =>
        tags['process_id'] === guid && (index === undefined || instanceIndex === index),
      unknown: (host) => processInstanceUnknown(guid, index, host),
    },
  };
};

/** Reads `X-CF-App-Instance`, which counts first, and `X-CF-Process-Instance`; '' when absent. */
export const readInstanceChoice = (
  appInstance: string,
  processInstance: string,
): InstanceChoiceRead | undefined => {
  if (appInstance !== '') return readAppInstance(appInstance);
  return processInstance === '' ? undefined : readProcessInstance(processInstance);
};

/** The part of a pool that the choice accepts; undefined when that is nobody. */
export const narrowPool = (pool: RoutePool, { accepts }: InstanceChoice): RoutePool | undefined => {
  const entries = pool.entries.filter(({ endpoint }) => accepts(endpoint));
  return entries.length === 0 ? undefined : { ...pool, entries, maglev: undefined };
};
