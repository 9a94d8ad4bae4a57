import { resolve } from 'node:path';
import { readArgs, readCount } from '../args.js';
import type { Command } from '../context.js';
import { defaultDataDir } from '../http/target.js';

const USAGE = 'up [--data DIR] [--once] [--cells N] [--api-port PORT] [--router-port PORT]';

const OPTIONS = {
  data: { type: 'string' },
  once: { type: 'boolean' },
  cells: { type: 'string' },
  'api-port': { type: 'string' },
  'router-port': { type: 'string' },
} as const;

export const up: Command = {
  name: 'up',
  usage: USAGE,
  summary: "run the whole system in one process ('npm start')",
  async run(context, args) {
    const { values } = readArgs({ usage: USAGE, options: OPTIONS, positionals: { min: 0, max: 0 } }, args);
    const port = (name: 'api-port' | 'router-port') =>
      readCount(values[name], { name: `--${name}`, min: 1, max: 65535, usage: USAGE });
    const { runAllInOne } = await import('../all-in-one/main.js');
    return runAllInOne(context, {
      dataDir: resolve(context.cwd, values.data ?? defaultDataDir(context.env)),
      once: values.once === true,
      cells: readCount(values.cells, { name: '--cells', min: 1, max: 100, usage: USAGE }) ?? 3,
      apiPort: port('api-port'),
      routerPort: port('router-port'),
    });
  },
};
