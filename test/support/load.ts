/** A client that asks at a steady rate, whether or not it is answered. */
import { Pool } from 'undici';

export interface Load {
  /** answered as they should be, so far */
  readonly answered: number;
  /** what went wrong, and when: ms since the load began */
  readonly failures: readonly { at: number; what: string }[];
  /** ends it when all that was asked has been answered */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** of the router */
  url: string;
  host: string;
  perSecond: number;
  path?: string;
}

const TICK_MS = 10;
const PATIENCE_MS = 30_000;

export const startLoad = ({ url, host, perSecond, path = '/' }: LoadOptions): Load => {
  const pool = new Pool(url, { connections: 64, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS });
  const began = performance.now();
  const failures: { at: number; what: string }[] = [];
  const open = new Set<Promise<void>>();
  let answered = 0;
  let asked = 0;

  const ask = async (): Promise<void> => {
    const at = Math.round(performance.now() - began);
    try {
      const response = await pool.request({ path, method: 'GET', headers: { host } });
      const body = await response.body.text();
      if (response.statusCode === 200) answered += 1;
      else failures.push({ at, what: `${response.statusCode} ${body.slice(0, 200)}` });
    } catch (error) {
      failures.push({ at, what: (error as Error).message });
    }
  };

  const timer = setInterval(() => {
    // what a late timer has missed is asked now: the rate is the client's, not the machine's
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    // after a sleep of this process nobody asks for what should have been asked in it
    if (due - asked > perSecond) asked = due - 1;
    for (; asked < due; asked += 1) {
      const one = ask().finally(() => open.delete(one));
      open.add(one);
    }
  }, TICK_MS);

  return {
    get answered() {
      return answered;
    },
    failures,
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      await pool.destroy();
    },
  };
};
