import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EnrolmentRequest } from '../core/enrolment.js';

/** An executor's token: whoever keeps the secret need not keep the tokens, and knows them after a restart. */
export const enrolmentToken = (secret: string, executorId: string): string =>
  createHmac('sha256', secret).update(`enrolment\u0000${executorId}`).digest('base64url');

/** unknown: that token is none of this executor · unexpected: nobody waits for this executor · used: by somebody else */
export type TokenVerdict = 'good' | 'unknown' | 'unexpected' | 'used';

export interface EnrolmentTokens {
  judge(request: EnrolmentRequest): TokenVerdict;
  /** executors that are remembered to have used theirs */
  remembered(): number;
}

export interface EnrolmentTokensOptions {
  /** the same in every life of the bridge, and for its stand-by */
  secret: string;
  /**
   * whether that executor was launched on that agent and has not been heard of since: once it has spoken, its token is
   * worth nothing, also to a bridge that has been started after that
   */
  expects(executorId: string, agentId: string): boolean;
}

const equal = (left: string, right: string): boolean => {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
};

/** So many are remembered before it is looked whether they have to be. */
const FEW = 100;

/** Tokens that are good once. Who asks again has to show that it is the one that asked before. */
export const createEnrolmentTokens = ({ secret, expects }: EnrolmentTokensOptions): EnrolmentTokens => {
  const used = new Map<string, Pick<EnrolmentRequest, 'agentId' | 'nonce'>>();
  let mostUsed = FEW;

  /** Of an executor that nobody waits for any more no token is good anyway. Looked for as the number doubles. */
  const forget = (): void => {
    if (used.size < mostUsed) return;
    for (const [executorId, { agentId }] of used) if (!expects(executorId, agentId)) used.delete(executorId);
    mostUsed = Math.max(FEW, used.size * 2);
  };

  return {
    judge({ token, executorId, agentId, nonce }) {
      if (!equal(token, enrolmentToken(secret, executorId))) return 'unknown';
      if (!expects(executorId, agentId)) return 'unexpected';
      const before = used.get(executorId);
      if (before !== undefined && !equal(before.nonce, nonce)) return 'used';
      used.set(executorId, { agentId, nonce });
      forget();
      return 'good';
    },
    remembered: () => used.size,
  };
};
