import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../common/ports/clock.js';
import type { Encoding } from '../../protocol/codec.js';
import { encode } from '../../protocol/codec.js';
import type { Draft, MesosMessages, MesosName } from '../../protocol/messages.js';
import { encodeRecord } from '../../protocol/record-io.js';
import type { Fate } from '../lane.js';
import { createLane } from '../lane.js';
import type { EventSink } from '../master/state.js';

export interface StreamOptions<N extends MesosName> {
  readonly clock: Clock;
  readonly response: ServerResponse;
  readonly name: N;
  readonly encoding: Encoding;
  readonly fate?: (event: Draft<MesosMessages[N]>) => Fate;
}

/** Events as records, each in a chunk of its own. The end is the last chunk; the connection stays, as Mesos does it. */
export const createEventStream = <N extends MesosName>(
  options: StreamOptions<N>,
): EventSink<MesosMessages[N]> => {
  const { clock, response, name, encoding, fate } = options;
  const lane = createLane<Draft<MesosMessages[N]>>({
    clock,
    ...(fate && { fate }),
    deliver(event) {
      if (!response.destroyed) response.write(encodeRecord(encode(name, event, encoding)));
    },
  });
  return {
    send: (event) => lane.send(event),
    end: () => lane.end(() => response.end()),
  };
};
