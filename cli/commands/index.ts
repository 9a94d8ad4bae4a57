import type { Command } from '../context.js';
import { app } from './app.js';
import { apps } from './apps.js';
import { auction } from './auction.js';
import { bbs } from './bbs.js';
import { cell } from './cell.js';
import { cells } from './cells.js';
import { components } from './component.js';
import { config } from './config.js';
import { deleteApp } from './delete.js';
import { restart, start, stop } from './lifecycle.js';
import { events } from './events.js';
import { logs } from './logs.js';
import { lrp, task } from './lrp.js';
import { mesos } from './mesos.js';
import { natsConfig } from './nats-config.js';
import { push } from './push.js';
import { scale } from './scale.js';
import { stack } from './stack.js';
import { runTask, tasks } from './tasks.js';
import { top } from './top.js';
import { up } from './up.js';

/** In the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  up,
  push,
  apps,
  app,
  scale,
  logs,
  events,
  start,
  stop,
  restart,
  deleteApp,
  runTask,
  tasks,
  cells,
  top,
  auction,
  mesos,
  lrp,
  task,
  stack,
  bbs,
  cell,
  ...components,
  config,
  natsConfig,
];
