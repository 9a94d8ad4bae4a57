import { nearest } from '../../common/model/nearest.js';
import { COMPONENTS } from '../../common/model/well-known.js';
import { formatProblem } from '../../common/runtime/config.js';
import { readConfig, readTopKey } from '../../common/runtime/config-file.js';
import { findMain } from './components.js';

const noComponent = (file: string, name: string | undefined): string => {
  if (name === undefined) {
    return `${file}: component: is missing: one of ${COMPONENTS.join(', ')}`;
  }
  const meant = nearest(name, COMPONENTS);
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return `${file}: component: must be one of ${COMPONENTS.join(', ')}${hint}`;
};

/** What is wrong in a configuration file, a line each; `component` is what it is for, if that can be told. */
export const checkConfigFile = async (
  file: string,
): Promise<{ component: string | undefined; problems: string[] }> => {
  const component = readTopKey(file, 'component');
  const main = component === undefined ? undefined : await findMain(component);
  if (!main) return { component, problems: [noComponent(file, component)] };
  const result = readConfig(file, main.config, main.prepare);
  return { component, problems: result.ok ? [] : result.error.map(formatProblem) };
};
