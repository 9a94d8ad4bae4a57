import { OutcryError } from '../../common/model/errors.js';
import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { getApp } from '../http/apps.js';
import type { List, Task } from '../http/resources.js';
import { table } from '../output.js';

const RUN_USAGE = 'run-task NAME COMMAND [--name TASK] [-m MEMORY_MB] [-k DISK_MB] [--wait]';
const POLL_MS = 200;

const RUN_OPTIONS = {
  command: { type: 'string', short: 'c' },
  name: { type: 'string' },
  memory: { type: 'string', short: 'm' },
  disk: { type: 'string', short: 'k' },
  wait: { type: 'boolean' },
} as const;

const megabytes = (text: string | undefined, option: string): number | undefined => {
  if (text === undefined) return undefined;
  const [, amount, unit = 'M'] = /^(\d+)\s*([MG])?B?$/i.exec(text) ?? [];
  if (amount === undefined) {
    throw new OutcryError('USAGE', {
      problem: `${option} takes a size such as 64M, not '${text}'`,
      usage: RUN_USAGE,
    });
  }
  return Number(amount) * (unit.toUpperCase() === 'G' ? 1024 : 1);
};

export const runTask: Command = {
  name: 'run-task',
  usage: RUN_USAGE,
  summary: "run a command once, with the application's files",
  async run(context, args) {
    const { values, positionals } = readArgs(
      { usage: RUN_USAGE, options: RUN_OPTIONS, positionals: { min: 1, max: 2 } },
      args,
    );
    const command = values.command ?? positionals[1];
    if (command === undefined) throw new OutcryError('USAGE', { problem: 'no command', usage: RUN_USAGE });
    const [memory, disk] = [megabytes(values.memory, '-m'), megabytes(values.disk, '-k')];
    const api = context.api();
    const app = await getApp(api, positionals[0] ?? '');
    let task = await api.fetch<Task>({
      method: 'POST',
      path: `/v3/apps/${app.guid}/tasks`,
      json: {
        command,
        ...(values.name === undefined ? {} : { name: values.name }),
        ...(memory === undefined ? {} : { memory_in_mb: memory }),
        ...(disk === undefined ? {} : { disk_in_mb: disk }),
      },
    });
    context.print(`task ${task.name} (${task.sequence_id}) of ${app.name} is ${task.state.toLowerCase()}`);
    if (values.wait !== true) return 0;
    while (!['SUCCEEDED', 'FAILED'].includes(task.state)) {
      await context.sleep(POLL_MS);
      task = await api.fetch<Task>({ method: 'GET', path: `/v3/tasks/${task.guid}` });
      context.interrupted.throwIfAborted();
    }
    if (task.state === 'FAILED') {
      const reason = task.result.failure_reason ?? 'no reason given';
      throw new OutcryError('TASK_FAILED', { task: task.name, app: app.name, reason });
    }
    context.print(`task ${task.name} has succeeded`);
    return 0;
  },
};

export const tasks: Command = {
  name: 'tasks',
  usage: 'tasks NAME',
  summary: 'list the tasks of an application',
  async run(context, args) {
    const { positionals } = readArgs(
      { usage: 'tasks NAME', options: {}, positionals: { min: 1, max: 1 } },
      args,
    );
    const api = context.api();
    const app = await getApp(api, positionals[0] ?? '');
    const list = await api.fetch<List<Task>>({
      method: 'GET',
      path: `/v3/apps/${app.guid}/tasks?per_page=5000`,
    });
    const rows = list.resources.map((task) => [
      String(task.sequence_id),
      task.name,
      task.state.toLowerCase(),
      task.created_at,
      task.command,
      task.result.failure_reason ?? '',
    ]);
    context.print(
      rows.length === 0
        ? `${app.name} has no tasks`
        : table([['id', 'name', 'state', 'created', 'command', 'reason'], ...rows]),
    );
    return 0;
  },
};
