import type { Result } from '../../common/model/result.js';
import type { Bus, RequestFailure } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { type ApiFailure, refuseCoded } from '../core/failure.js';

/** Who is asked, by the error that is answered with when there is no answer. */
type Unavailable = 'AUCTIONEER_UNAVAILABLE' | 'MESOS_BRIDGE_UNAVAILABLE';

export interface Question<Q extends WireName, A extends WireName> {
  readonly subject: string;
  readonly names: { readonly query: Q; readonly answer: A };
  readonly unavailable: Unavailable;
}

const WHY: Record<RequestFailure, string> = {
  'no-responders': 'none is active on the bus',
  timeout: 'the active one took too long',
  disconnected: 'the API is not connected to the bus',
  'too-large': 'the question is too long for the bus',
  denied: "the API's user may not ask on the bus",
};

/** Asks the active one of a component, of which several may stand by. */
export const askActive = async <Q extends WireName, A extends WireName>(
  { bus, timeoutMs }: { bus: Bus; timeoutMs: number },
  { subject, names, unavailable }: Question<Q, A>,
  query: WireMessages[Q],
): Promise<Result<WireMessages[A], ApiFailure[]>> => {
  const refuse = (reason: string) => refuseCoded(unavailable, { reason });
  const reply = await bus.request(subject, encode(names.query, query), { timeoutMs });
  if (!reply.ok) return refuse(WHY[reply.error]);
  const answer = decode(names.answer, reply.payload);
  return answer.ok ? answer : refuse('what it said cannot be read');
};
