import { OutcryError } from '../../common/model/errors.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import type { CallFailure, OutgoingCall, SchedulerClient } from '../protocol/scheduler/client.js';

export interface SenderOptions {
  readonly client: () => Pick<SchedulerClient, 'send'> | undefined;
  readonly logger: Logger;
  counted(call: OutgoingCall['type'], outcome: 'taken' | CallFailure['kind']): void;
}

/** What follows where the subscription goes on; with it what was lost is told anew. */
export interface NotTaken {
  /** it was not carried out, and never will be */
  onRefused(): void;
  /** it may have been, which the master tells when it is asked */
  onUnknown(): void;
}

/** Calls, in the order in which they are made. */
export interface Sender {
  send(call: OutgoingCall, notTaken?: NotTaken): void;
}

const LOST: CallFailure = { kind: 'lost', message: 'there is no subscription' };

export const createSender = ({ client, logger, counted }: SenderOptions): Sender => ({
  send(call, notTaken) {
    unattended({ logger, event: 'call-failed', fields: { call: call.type } }, async () => {
      const result = await client()?.send(call);
      if (result?.ok === true) return counted(call.type, 'taken');
      const { kind, status, message: reason } = result?.error ?? LOST;
      counted(call.type, kind);
      const error = new OutcryError('MESOS_CALL_NOT_TAKEN', { call: call.type, kind, reason });
      const { code, message, remedy } = error;
      logger.warn('call-not-taken', { call: call.type, kind, status, code, message, remedy });
      if (kind === 'unknown') notTaken?.onUnknown();
      else if (kind !== 'lost') notTaken?.onRefused();
    });
  },
});
