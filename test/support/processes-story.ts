/** The scenarios of separate processes in one story, on one system; the suite and the soak tell the same. */
import { startDockerEngine } from './docker-engine.js';
import type { DockerEngine } from './docker-engine.js';
import { startProcessSystem } from './processes.js';
import type { ProcessSystem } from './processes.js';
import * as scenario from './processes-scenarios.js';
import type { Counts } from './processes-scenarios.js';

export interface StoryOptions {
  /** how long NATS is away, and how long the machine sleeps; ms */
  outageMs: number;
  presenceTtlMs: number;
  /** tasks that run on the cells when one of them dies */
  tasks: number;
  /** in which instances of a dead cell run elsewhere, beyond the lease: a busy machine may be slower than promised */
  slackMs: number;
  runtime: 'docker' | 'process';
}

export interface Step {
  name: string;
  run(): Promise<Counts>;
}

export interface Story {
  steps: Step[];
  system: ProcessSystem;
  close(): Promise<void>;
}

const stepsOf = (system: ProcessSystem, options: StoryOptions): Step[] => {
  const { outageMs, tasks, slackMs, runtime } = options;
  const images: Step[] =
    runtime === 'docker' ? [{ name: 'an image', run: () => scenario.imageAsApplication(system) }] : [];
  return [
    { name: 'a source push', run: () => scenario.pushProbe(system, 3) },
    ...images,
    { name: 'everyday work', run: () => scenario.everydayWork(system) },
    { name: 'a NATS server killed', run: () => scenario.natsServerKilled(system) },
    { name: 'NATS away', run: () => scenario.natsDown(system, { downMs: outageMs }) },
    { name: 'each process killed', run: () => scenario.eachProcessKilled(system) },
    { name: 'the router killed', run: () => scenario.routerKilled(system) },
    { name: 'the machine asleep', run: () => scenario.machineAsleep(system, { sleepMs: outageMs }) },
    { name: 'a cell killed', run: () => scenario.cellKilled(system, { tasks, slackMs }) },
    { name: 'all deleted', run: () => scenario.deleteAll(system) },
  ];
};

const openEngine = async (runtime: StoryOptions['runtime']): Promise<DockerEngine | undefined> => {
  if (runtime === 'process') return undefined;
  const engine = await startDockerEngine();
  await engine.derive(scenario.IMAGE, [
    `EXPOSE ${scenario.IMAGE_PORT}`,
    `CMD ${JSON.stringify(scenario.IMAGE_COMMAND)}`,
  ]);
  return engine;
};

/** Starts a system of three cells over three NATS servers, with an engine of its own where it runs on Docker. */
export const openStory = async (options: StoryOptions): Promise<Story> => {
  const engine = await openEngine(options.runtime);
  try {
    const system = await startProcessSystem({
      cells: 3,
      natsServers: 3,
      presenceTtlMs: options.presenceTtlMs,
      ...(engine && { docker: { socketPath: engine.socketPath, image: engine.image } }),
    });
    return {
      steps: stepsOf(system, options),
      system,
      async close() {
        await system.close();
        await engine?.close();
      },
    };
  } catch (error) {
    await engine?.close();
    throw error;
  }
};
