import { OutcryError } from '../../common/model/errors.js';
import { readArgs, readSize, usageError } from '../args.js';
import { type Command, type Context, pause } from '../context.js';
import { getApp } from '../http/apps.js';
import type { App, List, Task } from '../http/resources.js';
import { compactTable, oneLine } from '../output.js';

const USAGE = 'run-task NAME COMMAND [--name TASK] [-m MEMORY] [-k DISK] [--wait]';
const POLL_MS = 200;

const OPTIONS = {
  command: { type: 'string', short: 'c' },
  name: { type: 'string' },
  memory: { type: 'string', short: 'm' },
  disk: { type: 'string', short: 'k' },
  wait: { type: 'boolean', short: 'w' },
} as const;

const readWish = (args: readonly string[]) => {
  const { values, positionals } = readArgs(
    { usage: USAGE, options: OPTIONS, words: ['NAME', '[COMMAND]'] },
    args,
  );
  const [app = '', word] = positionals;
  if (word !== undefined && values.command !== undefined) {
    throw usageError(USAGE, `two commands, '${word}' and '${values.command}'`);
  }
  const command = values.command ?? word;
  if (command === undefined || command === '') throw usageError(USAGE, 'COMMAND is missing');
  const json = {
    command,
    name: values.name,
    memory_in_mb: readSize(values.memory, { name: '-m', usage: USAGE }),
    disk_in_mb: readSize(values.disk, { name: '-k', usage: USAGE }),
  };
  return { app, json, wait: values.wait === true };
};

const hasEnded = ({ state }: Task): boolean => state === 'SUCCEEDED' || state === 'FAILED';

const awaitEnd = async (context: Context, app: App, started: Task): Promise<void> => {
  let task = started;
  while (!hasEnded(task)) {
    context.progress(`  ${task.name} is ${task.state.toLowerCase()}`);
    await pause(context, POLL_MS);
    task = await context.api().fetch<Task>({ method: 'GET', path: `/v3/tasks/${task.guid}` });
  }
  if (task.state === 'FAILED') {
    const reason = task.result.failure_reason ?? 'no reason given';
    throw new OutcryError('TASK_FAILED', { task: task.name, app: app.name, reason });
  }
  context.print(`${task.name} has succeeded`);
};

export const runTask: Command = {
  name: 'run-task',
  usage: USAGE,
  summary: "run a command once, with the application's files",
  options: [
    ['-c COMMAND', 'the command, as an option'],
    ['--name TASK', 'what to call it; without: task-1, task-2, …'],
    ['-m MEMORY', "its memory, such as 256M or 1G; without: the application's"],
    ['-k DISK', "its disk; without: the application's"],
    ['-w, --wait', 'wait for its end; the exit status says how it ended'],
  ],
  async run(context, args) {
    const wish = readWish(args);
    const app = await getApp(context.api(), wish.app);
    const path = `/v3/apps/${app.guid}/tasks`;
    const task = await context.api().fetch<Task>({ method: 'POST', path, json: wish.json });
    context.print(`${task.name} of ${app.name} is ${task.state.toLowerCase()}`);
    if (wish.wait) await awaitEnd(context, app, task);
    return 0;
  },
};

const HEADING = ['id', 'name', 'state', 'created', 'command', 'reason'];

export const tasks: Command = {
  name: 'tasks',
  usage: 'tasks NAME',
  summary: 'list the tasks of an application',
  async run(context, args) {
    const { positionals } = readArgs({ usage: 'tasks NAME', options: {}, words: ['NAME'] }, args);
    const api = context.api();
    const app = await getApp(api, positionals[0] ?? '');
    const path = `/v3/apps/${app.guid}/tasks?per_page=5000`;
    const { resources } = await api.fetch<List<Task>>({ method: 'GET', path });
    const rows = resources.map((task) => [
      String(task.sequence_id),
      task.name,
      task.state.toLowerCase(),
      task.created_at,
      oneLine(task.command),
      task.result.failure_reason ?? '',
    ]);
    context.print(rows.length === 0 ? `${app.name} has no tasks` : compactTable([HEADING, ...rows]));
    return 0;
  },
};
