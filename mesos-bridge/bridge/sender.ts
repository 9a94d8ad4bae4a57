import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import type { CallFailure, OutgoingCall, SchedulerClient } from '../protocol/scheduler/client.js';

export interface SenderOptions {
  readonly client: () => Pick<SchedulerClient, 'send'> | undefined;
  readonly logger: Logger;
  counted(call: OutgoingCall['type'], outcome: 'taken' | CallFailure['kind']): void;
}

/** Calls, in the order in which they are made. */
export interface Sender {
  /** `onRefused`: it was not carried out, and never will be; one that is lost may have been, which the master tells later */
  send(call: OutgoingCall, onRefused?: () => void): void;
}

const LOST: CallFailure = { kind: 'lost', message: 'there is no subscription' };

export const createSender = ({ client, logger, counted }: SenderOptions): Sender => ({
  send(call, onRefused) {
    unattended({ logger, event: 'call-failed', fields: { call: call.type } }, async () => {
      const result = await client()?.send(call);
      if (result?.ok === true) return counted(call.type, 'taken');
      const { kind, status, message } = result?.error ?? LOST;
      counted(call.type, kind);
      logger.warn('call-not-taken', { call: call.type, kind, status, message });
      if (kind !== 'lost') onRefused?.();
    });
  },
});
