/**
 * A container's network: that of its first process; where there are egress rules, that of an engine container which does
 * nothing else, so that it is there before the first process, stays when one ends, and has its rules before anybody
 * could do without. It costs about half as much as a start, which is why only those who need it have one. Where the
 * engine has no stack to make one of, egress rules are refused.
 */
import { networkInterfaces } from 'node:os';
import type Docker from 'dockerode';
import type { Container as EngineContainer, EndpointSettings } from 'dockerode';
import { networkOptions } from './create-options.js';
import { enforceEgress } from './egress.js';
import { statusOf, unless } from './engine-error.js';
import type { Parts } from './parts.js';

const GONE = 404;

export const NO_ADDRESS = { instanceAddress: '', ipv6Address: '', isDirect: undefined };

/** What the engine says of a container's network, and whether its bridge is of this machine: else nobody gets there. */
export const takeAddress = (parts: Parts, networks: Record<string, EndpointSettings>): void => {
  const found = Object.values(networks).find(({ IPAddress }) => IPAddress !== '');
  parts.instanceAddress = found?.IPAddress ?? '';
  parts.ipv6Address = found?.GlobalIPv6Address ?? '';
  const own = Object.values(networkInterfaces()).flat();
  parts.isDirect = own.some((one) => one?.address === found?.Gateway);
};

/** Of a subnet are no container's: its own address, that of its bridge, and the one to call all. */
const TAKEN = 3;

/** How many containers a network has addresses for; undefined = the engine does not say. */
export const addressesOf = async (docker: Docker, name: string): Promise<number | undefined> => {
  try {
    const { IPAM } = (await docker.getNetwork(name).inspect()) as { IPAM: { Config?: { Subnet: string }[] } };
    const prefixes = (IPAM.Config ?? []).map(({ Subnet }) => /^[\d.]+\/(\d+)$/.exec(Subnet)?.[1]);
    const known = prefixes.filter((prefix) => prefix !== undefined);
    if (known.length === 0) return undefined;
    return known.reduce((sum, prefix) => sum + Math.max(0, 2 ** (32 - Number(prefix)) - TAKEN), 0);
  } catch {
    return undefined;
  }
};

const startHolder = async (parts: Parts, made: EngineContainer): Promise<void> => {
  const { cell, record } = parts;
  const { egress } = record.spec;
  await made.start();
  const { NetworkSettings, State } = await made.inspect();
  takeAddress(parts, NetworkSettings.Networks);
  if (egress === undefined) return;
  const { instanceAddress: address, ipv6Address } = parts;
  await enforceEgress({ pid: State.Pid, address, ipv6Address }, egress, cell.egress());
};

/** Id of what others join; undefined when the first process has to have the network. */
export const openNetwork = async (parts: Parts): Promise<string | undefined> => {
  const { cell, record } = parts;
  const { guid, egress } = record.spec;
  if (egress === undefined) return undefined;
  const image = record.isStack ? record.image : await cell.images.anyStack();
  if (image === undefined) {
    throw new Error('egress rules cannot be enforced on this cell: its engine has no stack (docker.stacks)');
  }
  await unless([GONE], cell.docker.getContainer(cell.names.network(guid)).remove({ force: true, v: true }));
  const made = await cell.docker.createContainer(networkOptions({ cell, record, image }));
  try {
    await startHolder(parts, made);
  } catch (error) {
    Object.assign(parts, NO_ADDRESS);
    await unless([GONE], made.remove({ force: true, v: true }));
    throw error;
  }
  parts.network = made;
  return made.id;
};

/** Id of the engine container whose network is joined; undefined when there is none, or its process has ended. */
export const networkOwner = ({ network, owner, processes }: Parts): string | undefined => {
  if (network !== undefined) return network.id;
  const one = owner === undefined ? undefined : processes.get(owner);
  return one?.info().running ? one.engineId : undefined;
};

/** Whether the network that was to be joined went with its owner: then a new one may be opened. */
export const hasLostNetwork = async (parts: Parts, engineId: string): Promise<boolean> => {
  try {
    if ((await parts.cell.docker.getContainer(engineId).inspect()).State.Running) return false;
  } catch (error) {
    if (statusOf(error) !== GONE) return false;
  }
  parts.network = undefined;
  return true;
};
