import type { Clock } from '../../common/ports/clock.js';
import type { Bus, BusHandler, BusMessage, BusRequest } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import type { Container, ContainerRuntime, RunningProcess } from '../../cell-rep/core/container-runtime.js';

/**
 * One life of a component. Killed, it never does anything again: what it waits for never comes. Paused, as by
 * SIGSTOP, whatever comes to it waits, and time goes on.
 */
export interface Life {
  readonly clock: Clock;
  alive(): boolean;
  kill(): void;
  pause(): void;
  /** all that has come meanwhile comes now, in its order */
  resume(): void;
  /** runs `task` while alive: now, or when the pause is over */
  reach(task: () => void): void;
  /** the promise while alive; after that, nothing */
  gate<T>(work: Promise<T>): Promise<T>;
  /** calls `work` while alive, and gates what it answers */
  live<A extends unknown[], R>(work: (...args: A) => Promise<R>): (...args: A) => Promise<R>;
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

export const createLife = (clock: Clock): Life => {
  let alive = true;
  /** what has come while paused */
  let held: (() => void)[] | undefined;
  const cancels = new Set<() => void>();

  const reach = (task: () => void): void => {
    if (!alive) return;
    if (held === undefined) task();
    else held.push(task);
  };

  const tracked = (cancel: () => void): (() => void) => {
    const own = (): void => {
      cancels.delete(own);
      cancel();
    };
    cancels.add(own);
    return own;
  };
  const gate = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      work.then(
        (value) => reach(() => resolve(value)),
        (error: unknown) => reach(() => reject(error as Error)),
      );
    });

  const mortal: Clock = {
    now: clock.now,
    monotonic: clock.monotonic,
    after(ms, task) {
      if (!alive) return () => undefined;
      let wanted = true;
      const own = tracked(
        clock.after(ms, () =>
          reach(() => {
            cancels.delete(own);
            if (wanted) task();
          }),
        ),
      );
      return () => {
        wanted = false;
        own();
      };
    },
    every(ms, task) {
      if (!alive) return () => undefined;
      let due = false;
      let wanted = true;
      // many that were due while paused are one
      const come = (): void => {
        if (due) return;
        due = true;
        reach(() => {
          due = false;
          if (wanted) task();
        });
      };
      const own = tracked(clock.every(ms, come));
      return () => {
        wanted = false;
        own();
      };
    },
    sleep: (ms) => new Promise((resolve) => void mortal.after(ms, resolve)),
  };
  return {
    clock: mortal,
    alive: () => alive,
    kill() {
      alive = false;
      held = undefined;
      for (const cancel of [...cancels]) cancel();
    },
    pause: () => void (held ??= []),
    resume() {
      const come = held ?? [];
      held = undefined;
      for (const task of come) reach(task);
    },
    reach,
    gate,
    live:
      (work) =>
      (...args) =>
        alive ? gate(work(...args)) : never(),
  };
};

/** Chances, 0 to 1, of what a network does to a message. Changed while the simulation runs. */
export interface BusFaults {
  lose: number;
  repeat: number;
  late: number;
  /** most ms that a late message or answer is under way */
  lateMs: number;
  /** chance that news of cells is lost: their states after a change, and who comes and goes */
  loseNews: number;
  /** of answers to requests: never given, given twice, given late */
  unanswered: number;
  answeredTwice: number;
  answeredLate: number;
}

export const noBusFaults = (): BusFaults => ({
  lose: 0,
  repeat: 0,
  late: 0,
  lateMs: 0,
  loseNews: 0,
  unanswered: 0,
  answeredTwice: 0,
  answeredLate: 0,
});

const NEWS = /^(cell\.changed|bbs\.event\.cell_)/;

/** A connection of one life, over which messages are lost, repeated and late. */
export const createMortalBus = (
  bus: MemoryBus,
  { life, random, faults }: { life: Life; random: Random; faults: BusFaults },
): Bus => {
  const { clock } = life;
  const chance = (share: number): boolean => share > 0 && random.fraction() < share;

  const soonOrLate = (late: boolean, run: () => void): void => {
    if (late) clock.after(random.fraction() * faults.lateMs, run);
    else run();
  };
  /** the same message, whose answer goes another way */
  const answering = (message: BusMessage): BusMessage => ({
    ...message,
    respond(payload) {
      if (!message.expectsReply || chance(faults.unanswered)) return message.expectsReply;
      const times = chance(faults.answeredTwice) ? 2 : 1;
      for (let time = 0; time < times; time += 1)
        soonOrLate(chance(faults.answeredLate), () => void message.respond(payload));
      return true;
    },
  });
  const handled =
    (handler: BusHandler): BusHandler =>
    (message) => {
      if (!life.alive() || chance(faults.lose)) return;
      if (NEWS.test(message.subject) && chance(faults.loseNews)) return;
      const times = chance(faults.repeat) ? 2 : 1;
      for (let time = 0; time < times; time += 1)
        soonOrLate(time > 0 || chance(faults.late), () => life.reach(() => handler(answering(message))));
    };

  const request: Bus['request'] = life.live(async (subject, payload, options) => {
    const reply = await bus.request(subject, payload, options);
    if (!reply.ok || !chance(faults.lose)) return reply;
    await clock.sleep(options.timeoutMs);
    return { ok: false as const, error: 'timeout' as const };
  });

  return {
    publish: (subject, payload) => life.alive() && bus.publish(subject, payload),
    subscribe: (subject, handler, options) => bus.subscribe(subject, handled(handler), options),
    request,
    async requestAll(requests, { timeoutMs, onResult }) {
      const ask = async ({ subject, payload }: BusRequest, at: number): Promise<void> =>
        onResult(at, await request(subject, payload, { timeoutMs }));
      await Promise.all(requests.map(ask));
    },
    gather: life.live((subject, payload, { onAnswer, ...options }) =>
      bus.gather(subject, payload, {
        ...options,
        ...(onAnswer && {
          onAnswer(answer) {
            let last = false;
            life.reach(() => void (last = onAnswer(answer)));
            return last;
          },
        }),
      }),
    ),
    connected: () => life.alive() && bus.connected(),
    denied: bus.denied,
    onConnection: (listener) => bus.onConnection((up) => life.reach(() => listener(up))),
    flush: life.live(bus.flush),
    close: life.live(bus.close),
  };
};

const mortalProcess = (process: RunningProcess, life: Life): RunningProcess => ({
  id: process.id,
  get exited() {
    return life.gate(process.exited);
  },
  follow: (from, reader) =>
    process.follow(from, {
      onChunk: (chunk, cursor) => (life.alive() ? reader.onChunk(chunk, cursor) : undefined),
      onLost: (bytes) => (life.alive() ? reader.onLost?.(bytes) : undefined),
    }),
  signal: life.live((name) => process.signal(name)),
});

const mortalContainer = (container: Container, life: Life): Container => ({
  guid: container.guid,
  putCredentials: life.live((files) => container.putCredentials(files)),
  info: () => container.info(),
  run: life.live(async (spec) => {
    const started = await container.run(spec);
    return started.ok ? { ok: true as const, process: mortalProcess(started.process, life) } : started;
  }),
  process(id) {
    const found = container.process(id);
    return found && mortalProcess(found, life);
  },
  forget: life.live((idPrefix) => container.forget(idPrefix)),
  place: life.live((content) => container.place(content)),
  readFile: life.live((path, limit) => container.readFile(path, limit)),
  copyOut: life.live((request) => container.copyOut(request)),
  usage: life.live(() => container.usage()),
  destroy: life.live(() => container.destroy()),
});

export interface RuntimeFaults {
  /** most ms that making or destroying a container takes */
  slowMs: number;
  /** chance that a container cannot be made */
  refuse: number;
  /** chance that making, running or destroying rejects, as an engine does that is in trouble */
  fail: number;
}

/** What a runtime in trouble rejects with. */
export const IN_TROUBLE = 'the simulated engine is in trouble';

/** The runtime as one life of a rep sees it: containers stay when the life ends. */
export const createMortalRuntime = (
  runtime: ContainerRuntime,
  { life, random, faults }: { life: Life; random: Random; faults: RuntimeFaults },
): ContainerRuntime => {
  const pause = (): Promise<void> => life.clock.sleep(random.fraction() * faults.slowMs);
  const stumble = (): void => {
    if (faults.fail > 0 && random.fraction() < faults.fail) throw new Error(IN_TROUBLE);
  };
  const wrapped = (container: Container): Container => {
    const own = mortalContainer(container, life);
    return {
      ...own,
      run: async (spec) => {
        stumble();
        return own.run(spec);
      },
      destroy: async () => {
        if (faults.slowMs > 0) await pause();
        stumble();
        await own.destroy();
      },
    };
  };
  return {
    kind: runtime.kind,
    caveat: runtime.caveat,
    start: life.live(() => runtime.start()),
    stop: life.live(() => runtime.stop()),
    healthy: () => runtime.healthy(),
    watchHealth: (onChange) => runtime.watchHealth(onChange),
    create: life.live(async (spec) => {
      stumble();
      if (faults.slowMs > 0) await pause();
      if (faults.refuse > 0 && random.fraction() < faults.refuse)
        return { ok: false, reason: 'no room on the disk' };
      const created = await runtime.create(spec);
      return created.ok ? { ok: true as const, container: wrapped(created.container) } : created;
    }),
    adopt: life.live(async () => (await runtime.adopt()).map(wrapped)),
  };
};
