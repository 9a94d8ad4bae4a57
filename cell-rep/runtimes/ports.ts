/** Host ports of one cell: a range, never the same twice at once, and a rest after use. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { Clock } from '../../common/ports/clock.js';

/** A freed port may still stand in a router's table: design §8.8. */
export const PORT_REST_MS = 120_000;

export interface PortRange {
  /** first and last host port, both included */
  first: number;
  last: number;
}

export interface PortPool {
  /**
   * `undefined` when so many are not free. Ports that were `granted` are taken from there, first of all: they are not of
   * this range, whoever granted them sees to it that nobody has them twice, and they do not rest here.
   */
  take(count: number, granted?: readonly number[]): Promise<number[] | undefined>;
  /** marks a port as used: it was given out by an earlier life */
  keep(port: number): void;
  release(port: number): void;
}

const canBind = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });

/** Whether nothing on this machine listens there. */
export const isBindable = async (port: number): Promise<boolean> =>
  (await canBind(port, '127.0.0.1')) && (await canBind(port, '0.0.0.0'));

const beginning = ({ first, last }: PortRange, name: string | undefined): number =>
  name === undefined
    ? first
    : first + (createHash('sha256').update(name).digest().readUInt32BE(0) % (last - first + 1));

export const createPortPool = (options: {
  range: PortRange;
  /**
   * tells this pool from others of the same range on this machine: each begins elsewhere, since a port that was given
   * out is not listened on before its application has started
   */
  name?: string;
  clock: Clock;
  /** for a runtime whose ports are not real */
  bindable?: (port: number) => Promise<boolean>;
}): PortPool => {
  const { range, clock, bindable = isBindable } = options;
  const used = new Set<number>();
  /** in order of release */
  const freedAt = new Map<number, number>();
  let next = beginning(range, options.name);

  const rests = (port: number): boolean => {
    const since = freedAt.get(port);
    return since !== undefined && clock.monotonic() - since < PORT_REST_MS;
  };
  const advance = (): number => {
    const port = next;
    next = next >= range.last ? range.first : next + 1;
    return port;
  };
  const tryTake = async (port: number): Promise<boolean> => {
    if (used.has(port)) return false;
    used.add(port); // before waiting: nobody else may try it meanwhile
    if (await bindable(port)) {
      freedAt.delete(port);
      return true;
    }
    used.delete(port);
    return false;
  };
  const takeOne = async (): Promise<number | undefined> => {
    for (let left = range.last - range.first + 1; left > 0; left -= 1) {
      const port = advance();
      if (!used.has(port) && !rests(port) && (await tryTake(port))) return port;
    }
    for (const port of freedAt.keys()) if (await tryTake(port)) return port;
    return undefined;
  };

  return {
    async take(count, granted) {
      if (granted !== undefined) return granted.length < count ? undefined : granted.slice(0, count);
      const taken: number[] = [];
      while (taken.length < count) {
        const port = await takeOne();
        if (port === undefined) {
          for (const one of taken) used.delete(one);
          return undefined;
        }
        taken.push(port);
      }
      return taken;
    },
    keep: (port) => void used.add(port),
    release(port) {
      if (!used.delete(port)) return;
      freedAt.delete(port);
      freedAt.set(port, clock.monotonic());
    },
  };
};
