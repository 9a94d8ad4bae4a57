import type { MesosOffers } from '../../common/model/mesos-offers.js';
import type { Result } from '../../common/model/result.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { ApiFailure } from '../core/failure.js';
import { askActive } from './questions.js';

/** What people ask the active Mesos bridge. */
export interface Mesos {
  offers(limit: number): Promise<Result<MesosOffers, ApiFailure[]>>;
}

const OFFERS = {
  subject: SUBJECTS.mesosOffers,
  names: { query: 'MesosOffersQuery', answer: 'MesosOffers' },
  unavailable: 'MESOS_BRIDGE_UNAVAILABLE',
} as const;

/** `timeoutMs`: how long the bridge has. */
export const createMesos = (options: { bus: Bus; random: Random; timeoutMs: number }): Mesos => ({
  offers: (limit) => askActive(options, OFFERS, { traceId: options.random.uuid(), limit }),
});
