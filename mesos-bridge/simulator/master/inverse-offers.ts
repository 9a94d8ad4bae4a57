/** Inverse offers: what the master asks of frameworks before a machine is taken down (mesos-v1.md §15). */
import type { CallInverseOffers, Draft, InverseOffer } from '../../protocol/messages.js';
import { tell } from './events.js';
import { refusalSeconds, tickAfter } from './filters.js';
import { nanosecondsOf, nextOfferId } from './ids.js';
import { urlOf } from './offers.js';
import type { Agent, Framework, HeldInverseOffer, Master } from './state.js';

/** Frameworks that hold something there, be it an offer only. */
const holders = (agent: Agent): Set<Framework> =>
  new Set([
    ...[...agent.tasks.values()].filter(({ charged }) => charged).map(({ framework }) => framework),
    ...[...agent.executors.values()].map(({ framework }) => framework),
    ...[...agent.offers].map(({ framework }) => framework),
  ]);

const isAsked = (m: Master, agent: Agent, framework: Framework): boolean =>
  (framework.inverseFilters.get(agent.id) ?? 0) > m.allocation.tick ||
  [...agent.inverseOffers].some((offer) => offer.framework === framework);

export const inverseMessage = ({
  id,
  framework,
  agent,
  unavailability,
}: HeldInverseOffer): Draft<InverseOffer> => ({
  id: { value: id },
  url: urlOf(agent),
  frameworkId: { value: framework.id },
  agentId: { value: agent.id },
  unavailability,
});

/** Asks each framework that has not been asked, or whose answer has lapsed. */
export const offerInverse = (m: Master, agent: Agent): void => {
  const { unavailability } = agent;
  if (unavailability === undefined || agent.link === undefined) return;
  for (const framework of holders(agent)) {
    if (framework.state !== 'connected' || isAsked(m, agent, framework)) continue;
    const offer: HeldInverseOffer = { id: nextOfferId(m), framework, agent, unavailability };
    m.inverseOffers.set(offer.id, offer);
    agent.inverseOffers.add(offer);
    framework.inverseOffers.add(offer);
    tell(framework, { type: 'INVERSE_OFFERS', inverseOffers: { inverseOffers: [inverseMessage(offer)] } });
  }
};

export const dropInverse = (m: Master, offer: HeldInverseOffer): void => {
  m.inverseOffers.delete(offer.id);
  offer.agent.inverseOffers.delete(offer);
  offer.framework.inverseOffers.delete(offer);
};

export const rescindInverse = (m: Master, offer: HeldInverseOffer): void => {
  dropInverse(m, offer);
  tell(offer.framework, {
    type: 'RESCIND_INVERSE_OFFER',
    rescindInverseOffer: { inverseOfferId: { value: offer.id } },
  });
};

/** Stale ids are ignored: the answer is advice for the operator. */
export const answerInverse = (
  m: Master,
  framework: Framework,
  { inverseOfferIds, filters }: CallInverseOffers,
  status: 'ACCEPT' | 'DECLINE',
): void => {
  for (const { value } of inverseOfferIds) {
    const offer = m.inverseOffers.get(value);
    if (offer?.framework !== framework) continue;
    dropInverse(m, offer);
    const seconds = refusalSeconds(filters);
    if (seconds > 0) framework.inverseFilters.set(offer.agent.id, tickAfter(m, seconds * 1000));
    offer.agent.inverseAnswers.set(framework.id, {
      status,
      frameworkId: { value: framework.id },
      timestamp: { nanoseconds: nanosecondsOf(m.clock.now()) },
    });
  }
};
