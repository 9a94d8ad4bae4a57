import type { ServerResponse } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';
import type { Parts } from './answer.js';

/** ms of one turn that are spent on an answer while others wait for theirs */
const TURN_MS = 4;

/**
 * Sends the parts of a body as fast as the client reads, one on its way while the next is made, and ends the response.
 * Whoever has gone costs no more than the part at hand. A part that cannot be made ends the connection, since the head
 * has been sent: the client sees that its answer is not whole.
 */
export const sendParts = async (response: ServerResponse, parts: Parts, clock: Clock): Promise<void> => {
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  const sent = (bytes: Uint8Array): Promise<void> =>
    Promise.race([closed, new Promise<void>((resolve) => void response.write(bytes, () => resolve()))]);

  let onItsWay = Promise.resolve();
  let since = clock.monotonic();
  try {
    for (const bytes of parts) {
      await onItsWay;
      if (response.destroyed) return;
      onItsWay = sent(bytes);
      if (clock.monotonic() - since < TURN_MS) continue;
      // what the kernel takes at once leaves nobody a turn
      await clock.sleep(0);
      since = clock.monotonic();
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
};
