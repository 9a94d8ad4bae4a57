import type { VolumeMountedFile } from '../../common/model/action.js';
import type { ImageDescription } from '../../common/model/image.js';
import type { CpuCores } from './cpu-cores.js';
import type { Allowance } from './egress.js';
import type { BindMount } from './volumes.js';

/**
 * Port: what runs containers (design §4). Adapters in `../runtimes/`. One contract suite for all.
 * A runtime knows containers; it knows neither LRPs nor the BBS.
 */

export interface ContainerLimits {
  /** MB; 0 = none */
  memoryMb: number;
  /** MB; 0 = none */
  diskMb: number;
  /** 0 = none */
  maxPids: number;
  cpuWeight: number;
  cpuMilli: number;
  /** the cores on which it has `cpuMilli`; absent: anywhere, as a weight alone */
  cpus?: CpuCores;
}

export interface ContainerSpec {
  /** unique on the cell: the instance guid or the task guid */
  guid: string;
  rootfs: string;
  limits: ContainerLimits;
  /** container ports to make reachable */
  ports: number[];
  /** where, in their order, and more than they are perhaps; absent = at host ports of the runtime's own range */
  hostPorts?: readonly number[];
  /** what it may reach, and nothing else; absent = everything */
  egress?: readonly Allowance[];
  /** kernel parameters of its own, by name */
  sysctls?: Record<string, string>;
  /** directories of this machine that it finds */
  mounts?: readonly BindMount[];
  /** opaque to the runtime, returned on adoption: what the rep needs to know its container again */
  tags: Record<string, string>;
}

export interface ContainerPort {
  containerPort: number;
  hostPort: number;
}

export interface ContainerInfo {
  guid: string;
  tags: Record<string, string>;
  /** address at which the container's host ports answer, from this cell */
  address: string;
  /** the container's own address */
  instanceAddress: string;
  /** absent = it has none */
  instanceIpv6Address?: string;
  /**
   * Where checks find the application at its container ports, since what answers at host ports takes connections
   * whether it listens or not; '' = not known yet. Absent: host ports answer for the application itself.
   */
  checkAddress?: string;
  ports: ContainerPort[];
  processes: ProcessInfo[];
}

export interface ProcessSpec {
  /** unique in the container: 'main', 'setup-0', 'sidecar-0' … */
  id: string;
  path: string;
  args: string[];
  /** relative to the container's home, or absolute; '' = home */
  dir: string;
  /** complete: nothing is inherited. A runtime without networks of its own replaces PORT by the host port. */
  env: Record<string, string>;
  user: string;
  nofile?: number;
  /**
   * Files that it finds below BINDINGS_ROOT, readable by its user; paths as `bindingPath` takes them. A runtime without
   * file systems of its own keeps them elsewhere, and says where in the variables that name BINDINGS_ROOT.
   */
  files?: readonly VolumeMountedFile[];
}

/** Where Cloud Foundry puts the files of service bindings. */
export const BINDINGS_ROOT = '/etc/cf-service-bindings';

export interface ExitStatus {
  /** exit code; 128 + signal when killed */
  code: number;
  /** 0 = none */
  signal: number;
  outOfMemory: boolean;
  /** it was killed since its container took more disk than it may */
  outOfDisk?: true;
  /** the supervisor vanished; how the process ended is not known */
  lost: boolean;
}

export interface ProcessInfo {
  id: string;
  running: boolean;
  exit?: ExitStatus;
}

export interface OutputChunk {
  stream: 'OUT' | 'ERR';
  /** ns since the epoch, decimal */
  timestamp: string;
  /** whole bytes as written; a line may span chunks */
  data: Uint8Array;
}

/** How far reading has got; opaque; '' = from the first byte still kept. */
export type OutputCursor = string;

export interface OutputReader {
  onChunk(chunk: OutputChunk, cursor: OutputCursor): void;
  /** output between two chunks was written over before it was read: bytes, about; undefined = nobody knows how many */
  onLost?(bytes: number | undefined): void;
}

export interface RunningProcess {
  readonly id: string;
  /** resolves when the process has ended and followers have been given all of its output */
  readonly exited: Promise<ExitStatus>;
  /** follows output from a cursor; the returned function stops following */
  follow(from: OutputCursor, reader: OutputReader): () => void;
  /** to the whole process group */
  signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface PlacedContent {
  /** a file on the cell, e.g. a finished download */
  file: string;
  /** destination in the container, relative to its home */
  to: string;
  /** unpack zip, tar or tgz (found by content), or copy as it is */
  unpack: boolean;
  user: string;
}

export type PlaceResult = { ok: true } | { ok: false; reason: string };

export type ReadFileResult =
  { ok: true; content: Buffer } | { ok: false; reason: 'absent' | 'too-large' | 'unreadable' };

export interface CopyOutRequest {
  /** in the container; not absolute: below its home */
  path: string;
  /** a file on the cell that does not exist yet */
  to: string;
  limitBytes: number;
}

/** `outside`: a runtime without file systems of its own gives out what is below home and tmp only */
export type CopyOutResult =
  { ok: true; bytes: number } | { ok: false; reason: 'absent' | 'too-large' | 'outside' | 'unreadable' };

/** What a container takes now; what a runtime cannot say is absent. */
export interface ContainerUsage {
  /** ns of CPU since its start; may lack what ended processes took */
  cpuNs?: number;
  memoryBytes?: number;
  diskBytes?: number;
  rxBytes?: number;
  txBytes?: number;
}

export type RunResult = { ok: true; process: RunningProcess } | { ok: false; reason: string };

export interface Container {
  readonly guid: string;
  info(): ContainerInfo;
  /** starts a process; resolves when it has been started, or refused with a reason */
  run(spec: ProcessSpec): Promise<RunResult>;
  /** a process started earlier, also by an earlier life of the rep */
  process(id: string): RunningProcess | undefined;
  /** drops what is kept of the processes with that beginning of their id that have ended; others stay */
  forget(idPrefix: string): Promise<void>;
  /**
   * Files that every process finds below CREDENTIALS_ROOT, those that run and those that come; in place of the ones
   * before. As with files of bindings, a runtime without file systems of its own keeps them elsewhere.
   */
  putCredentials(files: readonly VolumeMountedFile[]): Promise<PlaceResult>;
  /** puts content into the container, owned by `user`; only below its home */
  place(content: PlacedContent): Promise<PlaceResult>;
  readFile(path: string, limitBytes: number): Promise<ReadFileResult>;
  /** a regular file as its user may read it, whole or not at all */
  copyOut(request: CopyOutRequest): Promise<CopyOutResult>;
  /** never rejects: what cannot be measured now is absent */
  usage(): Promise<ContainerUsage>;
  /** kills what runs and removes everything of it; idempotent */
  destroy(): Promise<void>;
}

/** Of a registry. */
export interface ImageCredentials {
  username: string;
  password: string;
}

export type CreateResult = { ok: true; container: Container } | { ok: false; reason: string };

export type DescribeResult = { ok: true; image: ImageDescription } | { ok: false; reason: string };

export interface ContainerRuntime {
  /** 'process', 'docker', 'simulated' */
  readonly kind: string;
  /** what its user must know of it, e.g. that apps share the account; '' = nothing */
  readonly caveat: string;
  start(): Promise<void>;
  /** leaves containers running */
  stop(): Promise<void>;
  /** directories of this machine can be had in containers; absent = they cannot, and the cell offers no volumes */
  readonly mounts?: true;
  /** how many containers it can have at all, as far as it knows; may be asked before it has started */
  mostContainers?(): Promise<number | undefined>;
  /** ready to take work; false makes the cell unhealthy */
  healthy(): boolean;
  /** what it found, when it started, that it can do here and what not: told to people with the cell's annotations */
  abilities?(): Record<string, string>;
  /** told of each change of `healthy()`; the returned function ends that */
  watchHealth(onChange: () => void): () => void;
  /**
   * Refuses what it cannot give: nothing that is asked for is left out silently. The credentials of the image's
   * registry are used now, and kept nowhere.
   */
  create(spec: ContainerSpec, credentials?: ImageCredentials): Promise<CreateResult>;
  /** containers that exist now, those of an earlier life of this cell included */
  adopt(): Promise<Container[]>;
  /**
   * What the image of this rootfs is made to run; fetched when it is not there, or when its registry has a newer one
   * under that name. Absent: this runtime knows no images.
   */
  describeImage?(rootfs: string): Promise<DescribeResult>;
}
