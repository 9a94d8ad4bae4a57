import type { Logger } from '../ports/logger.js';

/** A named part of a process. Members start in order and stop in reverse. */
export interface Member {
  readonly name: string;
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
  /** reads again what may be renewed while it runs: certificates */
  renew?(): void;
}

/** A member for what is there from the beginning and only has to be closed: a client, a bus. */
export const closingMember = (
  name: string,
  { close, renew }: { close(): Promise<void>; renew?(): void },
): Member => ({
  name,
  start: () => undefined,
  stop: close,
  ...(renew && { renew }),
});

export interface Group {
  /** starts members in order; if one fails, stops those started, in reverse, and rejects with its error */
  start(): Promise<void>;
  /** stops in reverse; a member that fails to stop is logged and the rest still stop. Idempotent. */
  stop(): Promise<void>;
  /** has every member take what was renewed, those too that have not started yet */
  renew(): void;
}

export const createGroup = (members: readonly Member[], logger: Logger): Group => {
  const started: Member[] = [];
  let stopping: Promise<void> | undefined;

  const stopAll = async (): Promise<void> => {
    for (let member = started.pop(); member; member = started.pop()) {
      try {
        await member.stop();
        logger.debug('member-stopped', { member: member.name });
      } catch (error) {
        logger.error('member-failed-to-stop', { member: member.name, error });
      }
    }
  };

  return {
    async start() {
      for (const member of members) {
        try {
          await member.start();
        } catch (error) {
          logger.error('member-failed-to-start', { member: member.name, error });
          await stopAll();
          throw error;
        }
        started.push(member);
        logger.debug('member-started', { member: member.name });
      }
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    renew() {
      for (const member of members) member.renew?.();
    },
  };
};
