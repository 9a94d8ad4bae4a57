import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import type { Life } from './simulation-mortal.js';

/** A connection of one life to a server: in order both ways, a few ms each; what is under way when it is cut is lost. */
export interface Wire {
  readonly life: Life;
  /** runs at the server */
  up(step: () => void): void;
  /** runs at the client, while it lives; what comes to a paused one waits */
  down(step: () => void): void;
  /** by the client, or because it was killed: what it has sent before still arrives */
  hangUp(): void;
  /** in the middle: each side hears of it */
  cut(): void;
}

export interface WireOptions {
  clock: Clock;
  random: Random;
  life: Life;
  onServerEnd(): void;
  onClientEnd(): void;
}

const SLOWEST_MS = 4;

export const createWire = ({ clock, random, life, onServerEnd, onClientEnd }: WireOptions): Wire => {
  let [server, client] = [true, true];
  const pipe = (isOpen: () => boolean): ((step: () => void) => void) => {
    let last = 0;
    return (step) => {
      last = Math.max(last, clock.monotonic() + random.fraction() * SLOWEST_MS);
      clock.after(last - clock.monotonic(), () => isOpen() && step());
    };
  };
  const up = pipe(() => server);
  const down = pipe(() => client);
  const endServer = (): void => {
    if (!server) return;
    server = false;
    onServerEnd();
  };
  return {
    life,
    up: (step) => client && up(step),
    down: (step) => server && down(() => life.reach(() => client && step())),
    hangUp() {
      if (!client) return;
      client = false;
      up(endServer);
    },
    cut() {
      endServer();
      if (!client) return;
      client = false;
      life.reach(onClientEnd);
    },
  };
};
