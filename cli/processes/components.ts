import type { ComponentMain } from '../../common/runtime/component-process.js';

/** The components' mains, by the names under which they are started; each is loaded when it is needed. */
const MAINS: Readonly<Record<string, () => Promise<{ main: ComponentMain }>>> = {
  bbs: () => import('../../bbs/main.js'),
  auctioneer: () => import('../../auctioneer/main.js'),
  cell: () => import('../../cell-rep/main.js'),
  router: () => import('../../router/main.js'),
  api: () => import('../../api/main.js'),
};

export const COMPONENT_NAMES = Object.keys(MAINS);

/** undefined: there is no such component */
export const loadMain = async (name: string): Promise<ComponentMain | undefined> =>
  Object.hasOwn(MAINS, name) ? (await MAINS[name]?.())?.main : undefined;
