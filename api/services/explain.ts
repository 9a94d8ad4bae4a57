import type { Bus } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { InstanceStats } from '../core/stats.js';
import { withExplanations, worthAsking } from '../core/stats.js';

/** What the auctioneer knows beyond the reasons that the BBS keeps: which cell came nearest, and what it lacks. */
export interface Explain {
  /** `id`: `<process guid>.<index>` or a task guid. `reason` itself when the auctioneer says nothing that goes with it */
  reason(id: string, reason: string): Promise<string>;
  /** the same instances; those without a place with the auctioneer's words */
  instances(stats: InstanceStats[]): Promise<InstanceStats[]>;
}

export interface ExplainOptions {
  bus: Bus;
  random: Random;
  /** ms to wait for the auctioneer */
  timeoutMs: number;
}

/** Reasons of one process asked about at a time; there is seldom more than one. */
const MAX_QUESTIONS = 20;

/** An explanation of another auction than the one whose reason is kept explains nothing. */
const isOf = (text: string, reason: string): boolean => text.startsWith(`${reason} (`);

export const createExplain = ({ bus, random, timeoutMs }: ExplainOptions): Explain => {
  const explained: Explain['reason'] = async (id, reason) => {
    const query = encode('ExplainQuery', { traceId: random.uuid(), id, brief: true });
    const answer = await bus.request(SUBJECTS.auctionExplain, query, { timeoutMs });
    const explanation = answer.ok ? decode('Explanation', answer.payload) : undefined;
    return explanation?.ok && isOf(explanation.value.text, reason) ? explanation.value.text : reason;
  };

  return {
    reason: explained,
    async instances(stats) {
      const unplaced = worthAsking(stats).slice(0, MAX_QUESTIONS);
      const texts = await Promise.all(
        unplaced.map(async ({ processGuid, index, placementError }) => {
          const text = await explained(`${processGuid}.${index}`, placementError);
          return [placementError, text] as const;
        }),
      );
      return withExplanations(stats, new Map(texts));
    },
  };
};
