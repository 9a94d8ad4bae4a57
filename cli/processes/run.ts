import { OutcryError } from '../../common/model/errors.js';
import { runComponent } from '../../common/runtime/component-process.js';
import { loadMain } from './components.js';

/** Runs one component in this process until a signal; resolves when it has ended cleanly. */
export const runComponentNamed = async (name: string, file: string): Promise<void> => {
  const main = await loadMain(name);
  if (!main) throw new OutcryError('COMMAND_UNKNOWN', { name, nearest: 'outcry help' });
  await runComponent(main, file);
};
