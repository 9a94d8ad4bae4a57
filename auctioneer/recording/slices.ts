import type { Clock } from '../../common/ports/clock.js';

/** ms for which the event loop may be kept from everything else at a time */
const SLICE_MS = 2;

/** Long work in small slices: call `rest` wherever it may be interrupted. */
export interface Slices {
  /** a promise when it is time to let others work */
  rest(): Promise<void> | undefined;
}

export const createSlices = (clock: Clock): Slices => {
  let began = clock.monotonic();
  const pause = async (): Promise<void> => {
    await clock.sleep(0);
    began = clock.monotonic();
  };
  return { rest: () => (clock.monotonic() - began < SLICE_MS ? undefined : pause()) };
};
