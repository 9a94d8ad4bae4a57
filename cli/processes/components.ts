import type { Component } from '../../common/model/well-known.js';
import type { ComponentMain } from '../../common/runtime/component-process.js';

/** The components' mains, by the names under which they are started; each is loaded when it is needed. */
const MAINS: Readonly<Record<Component, () => Promise<{ main: ComponentMain }>>> = {
  bbs: () => import('../../bbs/main.js'),
  auctioneer: () => import('../../auctioneer/main.js'),
  'mesos-bridge': () => import('../../mesos-bridge/main.js'),
  cell: () => import('../../cell-rep/main.js'),
  router: () => import('../../router/main.js'),
  api: () => import('../../api/main.js'),
};

/** The executor that Mesos starts, which needs no configuration file. */
export const loadExecutor = () => import('../../mesos-bridge/executor/main.js');
/** What keeps it, and loads nothing of it. */
export const loadExecutorSupervisor = () => import('../../mesos-bridge/executor/supervise.js');

const isComponent = (name: string): name is Component => Object.hasOwn(MAINS, name);

export const loadMain = async (component: Component): Promise<ComponentMain> =>
  (await MAINS[component]()).main;

/** undefined: there is no such component */
export const findMain = async (name: string): Promise<ComponentMain | undefined> =>
  isComponent(name) ? loadMain(name) : undefined;
