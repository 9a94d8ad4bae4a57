import type { Resources } from '../../core/resources.js';
import { allocatedTo } from '../../core/resources.js';
import type { Draft, Filters, Offer, Url } from '../../protocol/messages.js';
import { resourceMessages } from '../resource-messages.js';
import { charge, release } from './charges.js';
import { tell } from './events.js';
import { refusalSeconds, refuse } from './filters.js';
import { nextOfferId } from './ids.js';
import type { Agent, Framework, HeldOffer, Master } from './state.js';

/** `slave(1)@127.0.0.1:5051` */
const PID = /^(?<path>.*)@(?<ip>.*):(?<port>\d+)$/;

export const addressOf = (agent: Agent): { path: string; ip: string; port: number } => {
  const { path = '', ip = '', port = '0' } = PID.exec(agent.introduction.pid)?.groups ?? {};
  return { path, ip, port: Number(port) };
};

export const urlOf = (agent: Agent): Draft<Url> => {
  const { path, ip, port } = addressOf(agent);
  return { scheme: 'http', address: { hostname: agent.info.hostname, ip, port }, path: `/${path}` };
};

/** As a framework of these capabilities reads them. */
const resourcesFor = ({ capabilities }: Framework, resources: Resources) =>
  resourceMessages(
    capabilities.has('MULTI_ROLE') ? resources : allocatedTo(resources, ''),
    capabilities.has('RESERVATION_REFINEMENT') ? 'refined' : 'coarse',
  );

interface NewOffer {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** allocated to the role */
  readonly resources: Resources;
}

const messageOf = (id: string, { framework, agent, role, resources }: NewOffer): Draft<Offer> => {
  const executors = framework.executors.get(agent.id);
  return {
    id: { value: id },
    frameworkId: { value: framework.id },
    agentId: { value: agent.id },
    hostname: agent.info.hostname,
    url: urlOf(agent),
    ...(agent.info.domain && { domain: agent.info.domain }),
    resources: resourcesFor(framework, resources),
    attributes: agent.info.attributes,
    executorIds: [...(executors?.keys() ?? [])].map((value) => ({ value })),
    ...(framework.capabilities.has('MULTI_ROLE') && { allocationInfo: { role } }),
    ...(agent.unavailability && { unavailability: agent.unavailability }),
  };
};

/** Charges the framework; the caller sends it. */
export const makeOffer = (m: Master, made: NewOffer): HeldOffer => {
  const id = nextOfferId(m);
  const { offerTimeoutMs } = m.flags;
  const offer: HeldOffer = {
    ...made,
    id,
    message: messageOf(id, made),
    timeout:
      offerTimeoutMs === undefined ? undefined : m.clock.after(offerTimeoutMs, () => rescind(m, offer)),
  };
  m.offers.set(id, offer);
  made.framework.offers.add(offer);
  made.agent.offers.add(offer);
  charge(m, made.agent, made.framework, made.resources);
  return offer;
};

/** Off the books, its resources still charged. */
export const takeOffer = (m: Master, offer: HeldOffer): void => {
  offer.timeout?.();
  m.offers.delete(offer.id);
  offer.framework.offers.delete(offer);
  offer.agent.offers.delete(offer);
};

/** Ends it without a word and without a filter. */
export const discard = (m: Master, offer: HeldOffer): void => {
  takeOffer(m, offer);
  release(m, offer.agent, offer.framework, offer.resources);
};

export const rescind = (m: Master, offer: HeldOffer): void => {
  discard(m, offer);
  tell(offer.framework, { type: 'RESCIND', rescind: { offerId: { value: offer.id } } });
};

export const decline = (m: Master, offer: HeldOffer, filters: Filters | undefined): void => {
  discard(m, offer);
  refuse(m, { ...offer, agentId: offer.agent.id }, refusalSeconds(filters));
};
