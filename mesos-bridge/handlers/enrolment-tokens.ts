import { timingSafeEqual } from 'node:crypto';
import type { EnrolmentRequest } from '../core/enrolment.js';
import { launchedAt } from '../core/executor-life.js';

/**
 * unready: this bridge is not the active one · unknown: that token is none of this executor · expired: it was launched
 * long ago · used: by somebody else
 */
export type TokenVerdict = 'good' | 'unready' | 'unknown' | 'expired' | 'used';

export interface EnrolmentTokensOptions {
  /** the token of an executor, the same in every life of the bridge; undefined: it cannot be told now */
  tokenOf(executorId: string): string | undefined;
  /** ms since the epoch */
  now(): number;
}

/** ms in which an executor must have come: a bridge that has been started since remembers no used tokens */
export const TOKEN_LIFE_MS = 600_000;

const equal = (left: string, right: string): boolean => {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
};

/** Tokens that are good once, and not for long. Who asks again has to show that it is the one that asked before. */
export const createEnrolmentTokens = ({ tokenOf, now }: EnrolmentTokensOptions) => {
  /** by executor id */
  const used = new Map<string, { readonly nonce: string; readonly until: number }>();
  const forgetOld = (): void => {
    for (const [executorId, { until }] of used) {
      if (until > now()) return;
      used.delete(executorId);
    }
  };
  return {
    judge({ token, executorId, nonce }: EnrolmentRequest): TokenVerdict {
      const right = tokenOf(executorId);
      if (right === undefined) return 'unready';
      if (!equal(token, right)) return 'unknown';
      const until = (launchedAt(executorId) ?? 0) + TOKEN_LIFE_MS;
      if (now() >= until) return 'expired';
      forgetOld();
      const before = used.get(executorId);
      if (before !== undefined && !equal(before.nonce, nonce)) return 'used';
      used.set(executorId, { nonce, until });
      return 'good';
    },
  };
};

export type EnrolmentTokens = ReturnType<typeof createEnrolmentTokens>;
