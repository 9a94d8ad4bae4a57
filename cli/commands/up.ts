import { resolve } from 'node:path';
import { readArgs, readCount, usageError } from '../args.js';
import type { Command } from '../context.js';
import { defaultDataDir } from '../http/target.js';

const USAGE =
  'up [--data DIR] [--once] [--cells N] [--runtime docker|process] [--api-port PORT] [--router-port PORT]';

const OPTIONS = {
  data: { type: 'string' },
  once: { type: 'boolean' },
  cells: { type: 'string' },
  runtime: { type: 'string' },
  'api-port': { type: 'string' },
  'router-port': { type: 'string' },
} as const;

export const up: Command = {
  name: 'up',
  usage: USAGE,
  summary: "run the whole system in one process ('npm start')",
  options: [
    ['--data DIR', 'where it keeps its data; without: ~/.outcry'],
    ['--once', 'push the example, see every instance answer, stop everything'],
    ['--cells N', 'how many cells; without: 3'],
    ['--runtime docker|process', 'what runs containers; without: Docker where an engine and the stack are'],
    ['--api-port PORT', "the API's; without: 8081, or a free one"],
    ['--router-port PORT', "the router's; without: 8080, or a free one"],
  ],
  async run(context, args) {
    const { values } = readArgs({ usage: USAGE, options: OPTIONS, words: [] }, args);
    const port = (name: 'api-port' | 'router-port') =>
      readCount(values[name], { name: `--${name}`, min: 1, max: 65535, usage: USAGE });
    const { runtime = 'auto' } = values;
    if (runtime !== 'auto' && runtime !== 'docker' && runtime !== 'process') {
      throw usageError(USAGE, `--runtime takes docker or process, not '${runtime}'`);
    }
    const { runAllInOne } = await import('../all-in-one/main.js');
    return runAllInOne(context, {
      dataDir: resolve(context.cwd, values.data ?? defaultDataDir(context.env)),
      once: values.once === true,
      cells: readCount(values.cells, { name: '--cells', min: 1, max: 100, usage: USAGE }) ?? 3,
      runtime,
      apiPort: port('api-port'),
      routerPort: port('router-port'),
    });
  },
};
