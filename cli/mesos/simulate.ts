import { join, resolve } from 'node:path';
import { readArgs, readCount, readSize } from '../args.js';
import type { Command, Context } from '../context.js';
import { defaultDataDir } from '../http/target.js';
import { plural, table } from '../output.js';

const USAGE =
  'mesos simulate [--agents N] [--cpus CPUS] [--mem SIZE] [--disk SIZE] [--zones N] [--masters N] [--port PORT] [--data DIR]';

const OPTIONS = {
  agents: { type: 'string' },
  cpus: { type: 'string' },
  mem: { type: 'string' },
  disk: { type: 'string' },
  zones: { type: 'string' },
  masters: { type: 'string' },
  port: { type: 'string' },
  data: { type: 'string' },
} as const;

const AGENTS = 10;

const untilInterrupted = ({ interrupted }: Context): Promise<void> =>
  new Promise((done) => {
    if (interrupted.aborted) return done();
    return interrupted.addEventListener('abort', () => done(), { once: true });
  });

const readOptions = (context: Context, args: readonly string[]) => {
  const { values } = readArgs({ usage: USAGE, options: OPTIONS, words: [] }, args);
  const count = (name: 'agents' | 'cpus' | 'zones' | 'masters' | 'port', max: number, min = 1) =>
    readCount(values[name], { name: `--${name}`, min, max, usage: USAGE });
  const size = (name: 'mem' | 'disk') => readSize(values[name], { name: `--${name}`, usage: USAGE });
  const given = {
    cpus: count('cpus', 1_024),
    mem: size('mem'),
    disk: size('disk'),
    zones: count('zones', 100),
    port: count('port', 65_535),
  };
  return {
    dir: resolve(context.cwd, values.data ?? join(defaultDataDir(context.env), 'mesos')),
    agents: count('agents', 10_000) ?? AGENTS,
    masters: count('masters', 2) === 2 ? (2 as const) : (1 as const),
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
      [K in keyof typeof given]?: number;
    }),
  };
};

export const simulate: Command = {
  name: 'simulate',
  usage: USAGE,
  summary: 'run a simulated Mesos in this process, executors as processes of this machine, until Ctrl-C',
  options: [
    ['--agents N', `how many agents; without: ${AGENTS}`],
    ['--cpus CPUS', 'of each agent; without: 4'],
    ['--mem SIZE', 'of each agent; without: 4G'],
    ['--disk SIZE', 'of each agent; without: 10000M'],
    ['--zones N', "how many zones agents are in, by their attribute 'zone'; without: 3"],
    ['--masters N', '2: a second one that follows the first; without: 1'],
    ['--port PORT', "the first master's, the second has the next; without: any that are free"],
    ['--data DIR', "where it keeps its secret, its log and executors' sandboxes; without: ~/.outcry/mesos"],
  ],
  async run(context, args) {
    const options = readOptions(context, args);
    const { simulateMesos } = await import('../../mesos-bridge/simulate.js');
    const simulation = await simulateMesos(options);
    const { masters, principal, secretFile, workDir, logFile } = simulation;
    const rows = [
      ['masters', masters.join(',')],
      ['principal', principal],
      ['secret', secretFile],
      ['sandboxes', workDir],
      ['log', logFile],
    ];
    context.print(table(rows));
    context.note(
      `${plural(options.agents, 'agent')} register within seconds; in the configuration of the bridge: ` +
        `masters: '${masters.join(',')}', and framework: { principal: ${principal}, secret_file: ${secretFile} }`,
    );
    context.note('Ctrl-C ends it, and all that runs on it');
    await untilInterrupted(context);
    await simulation.stop();
    return 0;
  },
};
