import type { CommandInfo, Draft, ExecutorInfo, Resource } from '../protocol/messages.js';
import { DATA_DIR, ENROLMENT_CA, ENROLMENT_TOKEN, ENROLMENT_URL } from './environment.js';

/** How executors are started, the same for all of one configuration of the bridge. */
export interface ExecutorCommand {
  /** a command line for `/bin/sh -c`; undefined: the image's own entry point */
  readonly shell: string | undefined;
  readonly uris: readonly {
    readonly value: string;
    readonly extract: boolean;
    readonly executable: boolean;
  }[];
  /** account on the agent; undefined: the framework's */
  readonly user: string | undefined;
  /** image of the cell; undefined: a plain process */
  readonly image: { readonly name: string; readonly kind: 'docker' | 'mesos' } | undefined;
  /** directory of the agent for what is not Mesos's to see; undefined: the executor chooses */
  readonly dataDir: string | undefined;
  /** further variables, none of them a secret */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ExecutorDescription {
  readonly executorId: string;
  readonly frameworkId: string;
  readonly name: string;
  readonly command: ExecutorCommand;
  readonly enrolment: { readonly url: string; readonly token: string; readonly ca: string | undefined };
  /** what the executor itself takes, with the role that it is allocated to */
  readonly resources: readonly Draft<Resource>[];
  /** ms between SHUTDOWN and the end of its container */
  readonly shutdownGraceMs: number;
}

const DATA_MOUNT = '/var/lib/outcry/executors';
const NS_PER_MS = 1_000_000n;

const variables = ({ command, enrolment }: ExecutorDescription): { name: string; value: string }[] => {
  const { dataDir, environment, image } = command;
  const all: Record<string, string | undefined> = {
    ...environment,
    [ENROLMENT_URL]: enrolment.url,
    [ENROLMENT_TOKEN]: enrolment.token,
    [ENROLMENT_CA]: enrolment.ca,
    [DATA_DIR]: image && dataDir !== undefined ? DATA_MOUNT : dataDir,
  };
  return Object.entries(all)
    .flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
};

const commandInfo = (of: ExecutorDescription): Draft<CommandInfo> => {
  const { shell, uris, user } = of.command;
  return {
    ...(shell === undefined ? { shell: false } : { shell: true, value: shell }),
    uris: uris.map((uri) => ({ ...uri, cache: false })),
    ...(user !== undefined && { user }),
    environment: { variables: variables(of) },
  };
};

/** Containers of the cell answer at host ports that the task was given: their executor is in the machine's own network. */
const containerInfo = ({ dataDir, image }: ExecutorCommand): Pick<Draft<ExecutorInfo>, 'container'> => {
  if (image === undefined) return {};
  const volumes =
    dataDir === undefined
      ? {}
      : { volumes: [{ mode: 'RW', containerPath: DATA_MOUNT, hostPath: dataDir } as const] };
  return image.kind === 'docker'
    ? { container: { type: 'DOCKER', docker: { image: image.name, network: 'HOST' }, ...volumes } }
    : {
        container: {
          type: 'MESOS',
          mesos: { image: { type: 'DOCKER', docker: { name: image.name } } },
          ...volumes,
        },
      };
};

/**
 * What Mesos is told of an executor: byte for byte the same whenever it is said of one executor id, since Mesos refuses
 * another (mesos-conformance.md). Nothing in it is a secret, but the token, which is good once.
 */
export const executorInfo = (of: ExecutorDescription): Draft<ExecutorInfo> => ({
  type: 'CUSTOM',
  executorId: { value: of.executorId },
  frameworkId: { value: of.frameworkId },
  name: of.name,
  source: 'outcry',
  resources: of.resources,
  command: commandInfo(of),
  ...containerInfo(of.command),
  shutdownGracePeriod: { nanoseconds: BigInt(Math.round(of.shutdownGraceMs)) * NS_PER_MS },
});
