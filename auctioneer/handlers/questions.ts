import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { WhatIf, WhatIfQuery } from '../../common/model/auction-questions.js';
import type { Answers } from '../recording/answers.js';

export interface QuestionsOptions {
  bus: Bus;
  answers: Answers;
  whatIf(query: WhatIfQuery): Promise<WhatIf>;
  logger: Logger;
  /** one auctioneer answers, however many listen for a moment while the lease changes hands */
  queue: string;
}

/** Answers what people ask about auctions. A question that cannot be read, or answered, is left unanswered. */
export const subscribeQuestions = (options: QuestionsOptions): Cancel => {
  const { bus, answers, logger, queue } = options;

  const on = <Q extends WireName, A extends WireName>(
    subject: string,
    names: { query: Q; answer: A },
    answer: (query: WireMessages[Q]) => Promise<WireMessages[A]>,
  ): Cancel => {
    const handle = async (message: BusMessage): Promise<void> => {
      const query = decode(names.query, message.payload);
      if (query.ok) message.respond(encode(names.answer, await answer(query.value)));
      else logger.warn('malformed-question', { subject, reason: query.error.message });
    };
    const take = (message: BusMessage): void => {
      handle(message).catch((error: unknown) => logger.error('question-failed', { subject, error }));
    };
    return bus.subscribe(subject, take, { queue });
  };

  const subscriptions = [
    on(SUBJECTS.auctionExplain, { query: 'ExplainQuery', answer: 'Explanation' }, answers.explain),
    on(SUBJECTS.auctionBatches, { query: 'BatchesQuery', answer: 'Batches' }, answers.batches),
    on(SUBJECTS.auctionReplay, { query: 'ReplayQuery', answer: 'Replay' }, answers.replay),
    on(SUBJECTS.auctionWhatIf, { query: 'WhatIfQuery', answer: 'WhatIf' }, options.whatIf),
  ];
  return () => {
    for (const cancel of subscriptions) cancel();
  };
};
