/** What a master fills in before it checks or passes on what a framework sent (mesos-v1.md §12 D). */
import { readClass } from '../../core/resource-class.js';
import type { ExecutorInfo, OfferOperation, Resource, TaskInfo } from '../../protocol/messages.js';

/** In the form since refinement, and allocated; a resource that is not valid stays as it is. */
const normalResource =
  (role: string) =>
  (resource: Resource): Resource => {
    const { role: reservedFor, reservation, ...rest } = resource;
    const allocated = { ...rest, allocationInfo: rest.allocationInfo ?? { role } };
    if (reservedFor === undefined && reservation === undefined) return allocated;
    const read = readClass(resource);
    return read.ok ? ({ ...allocated, reservations: read.value.reservations } as Resource) : resource;
  };

const normalResources = (resources: readonly Resource[], role: string): Resource[] =>
  resources.map(normalResource(role));

/** A group's executor must name its framework itself. */
export const normalExecutor = (executor: ExecutorInfo, role: string): ExecutorInfo => ({
  ...executor,
  resources: normalResources(executor.resources, role),
});

export const normalTask = (task: TaskInfo, role: string, frameworkId: string): TaskInfo => ({
  ...task,
  resources: normalResources(task.resources, role),
  ...(task.executor && {
    executor: {
      ...normalExecutor(task.executor, role),
      frameworkId: task.executor.frameworkId ?? { value: frameworkId },
    },
  }),
});

export const normalOperation = (operation: OfferOperation, role: string): OfferOperation => {
  const { reserve, unreserve, create, destroy } = operation;
  return {
    ...operation,
    ...(reserve && { reserve: { ...reserve, resources: normalResources(reserve.resources, role) } }),
    ...(unreserve && { unreserve: { resources: normalResources(unreserve.resources, role) } }),
    ...(create && { create: { volumes: normalResources(create.volumes, role) } }),
    ...(destroy && { destroy: { volumes: normalResources(destroy.volumes, role) } }),
  };
};
