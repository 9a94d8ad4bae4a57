/** RESERVE, UNRESERVE, CREATE and DESTROY: what they make of an offer's resources (mesos-v1.md §12). */
import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import type { ResourceClass } from '../../core/resource-class.js';
import type { Resources } from '../../core/resources.js';
import {
  add,
  allocatedTo,
  contains,
  readResources,
  reclassify,
  resourcesText,
} from '../../core/resources.js';
import type { Draft, OfferOperation, OperationStatus, Resource } from '../../protocol/messages.js';
import { without } from './charges.js';
import { tell } from './events.js';
import { isWithin } from './roles.js';
import type { Agent, Framework, Master } from './state.js';
import { resourceProblem } from './task-validation.js';

/** What an operation takes and what it makes of it. */
export interface Conversion {
  readonly consumed: Resources;
  readonly converted: Resources;
}

const unreserved = (resources: Resources): Resources =>
  reclassify(resources, (of) => ({ ...of, reservations: of.reservations.slice(0, -1) }));

const withoutVolume = ({ disk, ...of }: ResourceClass): ResourceClass =>
  disk?.source === undefined ? of : { ...of, disk: { source: disk.source } };

const classesOf = (resources: Resources): ResourceClass[] => [...resources.values()].map(({ of }) => of);

const reservationProblem = (
  { reservations, name, allocationRole }: ResourceClass,
  principal: string | undefined,
) => {
  const finest = reservations.at(-1);
  if (finest?.type !== 'DYNAMIC') return `Resource ${name} is not dynamically reserved`;
  if (principal !== undefined && finest.principal === undefined)
    return `A reserve operation was attempted by authenticated principal '${principal}', but there is a reserved resource in the request with no principal set`;
  if (principal !== undefined && finest.principal !== principal)
    return `A reserve operation was attempted by authenticated principal '${principal}', which does not match a reserved resource in the request with principal '${finest.principal}'`;
  return isWithin(allocationRole, finest.role)
    ? undefined
    : `A reserve operation was attempted for a resource allocated to role '${allocationRole}' but reserved for role '${finest.role}'`;
};

const reserved = (
  { resources, source }: { readonly resources: readonly Resource[]; readonly source: readonly Resource[] },
  principal: string | undefined,
): Result<Conversion, string> => {
  if (source.length > 0) return err("'source' of a RESERVE operation is not supported");
  const converted = readResources(resources).resources;
  for (const of of classesOf(converted)) {
    const problem = reservationProblem(of, principal);
    if (problem !== undefined) return err(problem);
  }
  return ok({ consumed: unreserved(converted), converted });
};

const released = (resources: readonly Resource[]): Result<Conversion, string> => {
  const consumed = readResources(resources).resources;
  return classesOf(consumed).every(({ reservations }) => reservations.at(-1)?.type === 'DYNAMIC')
    ? ok({ consumed, converted: unreserved(consumed) })
    : err('A resource is not dynamically reserved');
};

const volumeProblem = ({ disk, reservations, name }: ResourceClass): string | undefined => {
  if (name !== 'disk' || disk?.persistence === undefined) return 'Does not have persistence';
  return reservations.length === 0
    ? 'Persistent volumes cannot be created from unreserved resources'
    : undefined;
};

const created = (volumes: readonly Resource[]): Result<Conversion, string> => {
  const converted = readResources(volumes).resources;
  const problem = classesOf(converted)
    .map(volumeProblem)
    .find((found) => found !== undefined);
  return problem === undefined
    ? ok({ consumed: reclassify(converted, withoutVolume), converted })
    : err(problem);
};

const destroyed = (volumes: readonly Resource[]): Result<Conversion, string> => {
  const consumed = readResources(volumes).resources;
  return classesOf(consumed).every(({ disk }) => disk?.persistence !== undefined)
    ? ok({ consumed, converted: reclassify(consumed, withoutVolume) })
    : err('Does not have persistence');
};

const named = ({ reserve, unreserve, create, destroy }: OfferOperation): readonly Resource[] =>
  reserve?.resources ?? unreserve?.resources ?? create?.volumes ?? destroy?.volumes ?? [];

const byType = (operation: OfferOperation, principal: string | undefined): Result<Conversion, string> => {
  const { type, reserve, unreserve, create, destroy } = operation;
  if (type === 'RESERVE' && reserve) return reserved(reserve, principal);
  if (type === 'UNRESERVE' && unreserve) return released(unreserve.resources);
  if (type === 'CREATE' && create) return created(create.volumes);
  if (type === 'DESTROY' && destroy) return destroyed(destroy.volumes);
  return err(`Operation ${type ?? 'UNKNOWN'} is not supported`);
};

/** What a normalised operation does to what is left of the offers. */
export const conversionOf = (
  operation: OfferOperation,
  remaining: Resources,
  principal: string | undefined,
): Result<Conversion, string> => {
  const problem = resourceProblem(named(operation));
  if (problem !== undefined) return err(problem);
  const conversion = byType(operation, principal);
  if (!conversion.ok) return conversion;
  return contains(remaining, conversion.value.consumed)
    ? conversion
    : err(
        `Invalid ${operation.type} Operation: ${resourcesText(remaining)} does not contain ${resourcesText(conversion.value.consumed)}`,
      );
};

export const convert = (resources: Resources, { consumed, converted }: Conversion): Resources =>
  add(without(resources, consumed), converted);

/** The agent's own resources are others from now on. */
export const convertAgent = (agent: Agent, { consumed, converted }: Conversion): void => {
  agent.total = convert(agent.total, {
    consumed: allocatedTo(consumed, ''),
    converted: allocatedTo(converted, ''),
  });
};

const tellOperation = (framework: Framework, status: Draft<OperationStatus>): void =>
  tell(framework, { type: 'UPDATE_OPERATION_STATUS', updateOperationStatus: { status } });

/** Without an id nobody waits for the outcome. */
export const operationFailed = (framework: Framework, { id }: OfferOperation, message: string): void => {
  if (id !== undefined) tellOperation(framework, { operationId: id, state: 'OPERATION_ERROR', message });
};

/** From an agent: the outcome of an operation with an id. */
export const operationUpdate = (m: Master, frameworkId: string, status: OperationStatus): void => {
  const framework = m.frameworks.get(frameworkId);
  if (framework === undefined) return;
  const known = framework.operations.get(status.operationId?.value ?? '');
  if (known !== undefined) known.status = status;
  tellOperation(framework, status);
};

interface AskedOperation {
  readonly operationId: { readonly value: string };
  readonly agentId?: { readonly value: string };
}

const reconciled = (
  m: Master,
  { operationId, agentId }: AskedOperation,
): Draft<OperationStatus> | undefined => {
  const answer = (state: OperationStatus['state'], message: string): Draft<OperationStatus> => ({
    operationId,
    state,
    message: `Reconciliation: ${message}`,
    ...(agentId && { agentId }),
  });
  if (agentId === undefined)
    return answer('OPERATION_UNKNOWN', "Operation is unknown and no 'agent_id' was provided");
  const id = agentId.value;
  if (m.recovered.has(id))
    return answer('OPERATION_RECOVERING', 'Agent is recovered but has not re-registered');
  if (m.registry.unreachable.has(id)) return answer('OPERATION_UNREACHABLE', 'Agent is unreachable');
  if (m.registry.gone.has(id))
    return answer('OPERATION_GONE_BY_OPERATOR', 'Agent is marked gone by operator');
  return answer('OPERATION_UNKNOWN', 'Operation is unknown');
};

/** None asked for: all that have not ended. */
export const reconcileOperations = (
  m: Master,
  framework: Framework,
  asked: readonly AskedOperation[],
): void => {
  for (const query of asked) {
    const known = framework.operations.get(query.operationId.value);
    const { uuid: _uuid, ...latest } = known?.status ?? { state: 'OPERATION_UNKNOWN' };
    const status = known === undefined ? reconciled(m, query) : latest;
    if (status !== undefined) tellOperation(framework, status);
  }
  if (asked.length > 0) return;
  for (const { status } of framework.operations.values()) tellOperation(framework, status);
};

export const acknowledgeOperation = (
  m: Master,
  framework: Framework,
  { operationId, agentId, uuid }: AskedOperation & { readonly uuid: Uint8Array },
): void => {
  framework.operations.delete(operationId.value);
  m.agents.get(agentId?.value ?? '')?.link?.send({
    kind: 'acknowledge-operation',
    frameworkId: framework.id,
    operationId: operationId.value,
    uuid,
  });
};
