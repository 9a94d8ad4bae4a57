import { allocatedTo, filter, sum } from '../../core/resources.js';
import type { Draft, Role } from '../../protocol/messages.js';
import { resourceMessages } from '../resource-messages.js';
import type { Framework, Master } from './state.js';

/** All that a framework holds or is offered for a role. */
const heldFor = (framework: Framework, role: string) => {
  const executors = [...framework.executors.values()].flatMap((there) => [...there.values()]);
  const tasks = [...framework.tasks.values()].filter(({ charged }) => charged);
  const all = [...tasks, ...executors, ...framework.offers].map(({ resources }) => resources);
  return sum(
    all.map((resources) => new Map([...resources].filter(([, { of }]) => of.allocationRole === role))),
  );
};

export const rolesView = (m: Master): Draft<Role>[] => {
  const subscribed = new Map<string, Framework[]>();
  for (const framework of m.frameworks.values())
    for (const role of framework.roles) subscribed.set(role, [...(subscribed.get(role) ?? []), framework]);
  return [...subscribed].map(([name, frameworks]) => ({
    name,
    weight: 1,
    frameworks: frameworks.map(({ id }) => ({ value: id })),
    resources: resourceMessages(
      filter(
        allocatedTo(sum(frameworks.map((framework) => heldFor(framework, name))), ''),
        ({ type }) => type === 'SCALAR',
      ),
    ),
  }));
};
