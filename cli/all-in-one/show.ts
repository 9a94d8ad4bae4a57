/** How a system that has come up on this machine is shown to its user. */
import type { Context } from '../context.js';
import type { ApiClient } from '../http/api-client.js';
import { removeEndpoint, writeEndpoint } from './data-dir.js';
import { serve, tourOnce } from './tour.js';
import type { Tour } from './tour.js';

export interface ShowOptions {
  context: Context;
  dataDir: string;
  /** of the system's API; closed with the showing */
  client: ApiClient;
  token: string;
  routerPort: number;
  /** which runtime the cells use, and why */
  runtime: string;
  caveat: string;
}

/** Where the router of this machine answers. */
export const routerUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** Where its API answers. */
export const apiUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** Tells the command line where the system is; what is then to be seen of it. */
export const openTour = (options: ShowOptions): Tour => {
  const { context, dataDir, client, token, routerPort, runtime, caveat } = options;
  writeEndpoint(dataDir, { api: client.url, router: routerUrl(routerPort), token, pid: process.pid });
  const seen = { url: client.url, routerPort, runtime, caveat };
  return { context: { ...context, api: () => client }, dataDir, ...seen };
};

/** The command line finds no system any more. */
export const closeTour = async (dataDir: string, client: ApiClient | undefined): Promise<void> => {
  removeEndpoint(dataDir);
  await client?.close();
};

export interface Showcase {
  /** settles when all has been shown, where showing is all that was asked for */
  readonly finished: Promise<void>;
  show(tour: Tour): void;
  fail(error: unknown): void;
}

/** `once`: the tour is taken and the run ends with it; else the system serves on, whatever becomes of the example. */
export const createShowcase = ({ once, began }: { once: boolean; began: number }): Showcase => {
  let finish: (done: Promise<void>) => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  return {
    finished,
    show(tour) {
      if (once) finish(tourOnce({ ...tour, began }));
      else void serve(tour);
    },
    fail: (error) => finish(Promise.reject(error as Error)),
  };
};
