import { resolve } from 'node:path';
import { readArgs, readCount, usageError } from '../args.js';
import type { Command } from '../context.js';
import { defaultDataDir } from '../http/target.js';

const USAGE =
  'up [--data DIR] [--once] [--cells N] [--runtime docker|process] [--api-port PORT] [--router-port PORT] [--processes [--nats N]] [--mesos [--agents N]]';

const OPTIONS = {
  data: { type: 'string' },
  once: { type: 'boolean' },
  cells: { type: 'string' },
  runtime: { type: 'string' },
  'api-port': { type: 'string' },
  'router-port': { type: 'string' },
  processes: { type: 'boolean' },
  nats: { type: 'string' },
  mesos: { type: 'boolean' },
  agents: { type: 'string' },
} as const;

const readRuntime = (value = 'auto'): 'auto' | 'docker' | 'process' => {
  if (value === 'auto' || value === 'docker' || value === 'process') return value;
  throw usageError(USAGE, `--runtime takes docker or process, not '${value}'`);
};

export const up: Command = {
  name: 'up',
  usage: USAGE,
  summary: "run the whole system on this machine, in one process ('npm start') or in several",
  options: [
    ['--data DIR', 'where it keeps its data; without: ~/.outcry'],
    ['--once', 'push the example, see every instance answer, stop everything'],
    ['--cells N', 'how many cells; without: 3, with --mesos 0'],
    ['--runtime docker|process', 'what runs containers; without: Docker where an engine and the stack are'],
    ['--api-port PORT', "the API's; without: 8081, or a free one"],
    ['--router-port PORT', "the router's; without: 8080, or a free one"],
    ['--processes', 'each component as a process of its own, over real NATS servers'],
    ['--nats N', 'with --processes: how many NATS servers; without: 1'],
    [
      '--mesos',
      'as --processes, with a simulated Mesos on which cells come and go; with --cells N so many others, that are filled first',
    ],
    ['--agents N', 'with --mesos: how many agents; without: 10'],
  ],
  async run(context, args) {
    const { values } = readArgs({ usage: USAGE, options: OPTIONS, words: [] }, args);
    const port = (name: 'api-port' | 'router-port') =>
      readCount(values[name], { name: `--${name}`, min: 1, max: 65535, usage: USAGE });
    const isMesos = values.mesos === true;
    const common = {
      dataDir: resolve(context.cwd, values.data ?? defaultDataDir(context.env)),
      once: values.once === true,
      cells:
        readCount(values.cells, { name: '--cells', min: isMesos ? 0 : 1, max: 100, usage: USAGE }) ??
        (isMesos ? 0 : 3),
      runtime: readRuntime(values.runtime),
      apiPort: port('api-port'),
      routerPort: port('router-port'),
    };
    const natsServers = readCount(values.nats, { name: '--nats', min: 1, max: 9, usage: USAGE });
    const agents = readCount(values.agents, { name: '--agents', min: 1, max: 100, usage: USAGE });
    if (agents !== undefined && !isMesos) throw usageError(USAGE, '--agents goes with --mesos');
    if (values.processes !== true && !isMesos) {
      if (natsServers !== undefined) throw usageError(USAGE, '--nats goes with --processes');
      const { runAllInOne } = await import('../all-in-one/main.js');
      return runAllInOne(context, common);
    }
    const { runProcesses } = await import('../processes/up.js');
    return runProcesses(context, {
      ...common,
      natsServers: natsServers ?? 1,
      mesosAgents: isMesos ? (agents ?? 10) : 0,
    });
  },
};
