import { writeFile } from 'node:fs/promises';
import type {
  Container,
  ContainerRuntime,
  ContainerSpec,
  ContainerUsage,
  ExitStatus,
  OutputChunk,
  OutputReader,
  ProcessSpec,
  RunningProcess,
} from '../../cell-rep/core/container-runtime.js';
import { CREDENTIALS_ROOT } from '../../cell-rep/core/credentials.js';
import { createHealthWatch } from '../../cell-rep/runtimes/health-watch.js';

/** A process that does what the test says. */
export interface FakeProcess extends RunningProcess {
  readonly spec: ProcessSpec;
  readonly signals: string[];
  /** what SIGTERM does: exit with 143 (default), or nothing */
  ignoresTerm: boolean;
  emit(text: string, stream?: 'OUT' | 'ERR'): void;
  exit(status?: Partial<ExitStatus>): void;
}

export interface FakeContainer extends Container {
  readonly spec: ContainerSpec;
  readonly processes: Map<string, FakeProcess>;
  files: Map<string, Buffer>;
  used: ContainerUsage;
  destroyed: boolean;
  main(): FakeProcess;
}

export interface FakeRuntime extends ContainerRuntime {
  readonly containers: Map<string, FakeContainer>;
  /** the next creations are refused with this */
  refusal: string;
  isHealthy: boolean;
  becomeHealthy(now: boolean): void;
  /** called with everything that happens to processes, in order */
  onEvent: (event: string) => void;
  /** what a new process does by itself */
  onRun: (process: FakeProcess) => void;
  /** host port given to a container port; the port itself by default */
  hostPort: (containerPort: number) => number;
}

const exitOf = (status: Partial<ExitStatus>): ExitStatus => ({
  code: 0,
  signal: 0,
  outOfMemory: false,
  lost: false,
  ...status,
});

const createProcess = (spec: ProcessSpec, runtime: FakeRuntime): FakeProcess => {
  const chunks: OutputChunk[] = [];
  const readers = new Set<OutputReader>();
  const signals: string[] = [];
  let end: ((status: ExitStatus) => void) | undefined;
  const exited = new Promise<ExitStatus>((resolve) => (end = resolve));
  const process: FakeProcess = {
    id: spec.id,
    spec,
    signals,
    ignoresTerm: false,
    exited,
    emit(text, stream = 'OUT') {
      const chunk = { stream, timestamp: String(1_700_000_000_000_000_000n), data: Buffer.from(text) };
      chunks.push(chunk);
      for (const reader of readers) reader.onChunk(chunk, String(chunks.length));
    },
    exit(status = {}) {
      end?.(exitOf(status));
      runtime.onEvent(`exit ${spec.id}`);
    },
    follow(from, reader) {
      chunks.slice(Number(from)).forEach((chunk, at) => reader.onChunk(chunk, String(Number(from) + at + 1)));
      readers.add(reader);
      return () => void readers.delete(reader);
    },
    async signal(signal) {
      signals.push(signal);
      runtime.onEvent(`${signal} ${spec.id}`);
      if (signal === 'SIGKILL') process.exit({ code: 137, signal: 9 });
      else if (!process.ignoresTerm) process.exit({ code: 143, signal: 15 });
    },
  };
  return process;
};

const createContainer = (spec: ContainerSpec, runtime: FakeRuntime): FakeContainer => {
  const processes = new Map<string, FakeProcess>();
  const container: FakeContainer = {
    guid: spec.guid,
    spec,
    processes,
    files: new Map(),
    used: {},
    destroyed: false,
    main() {
      const main = processes.get('main');
      if (main === undefined) throw new Error(`no main process in ${spec.guid}`);
      return main;
    },
    info: () => ({
      guid: spec.guid,
      tags: spec.tags,
      address: '127.0.0.1',
      instanceAddress: '10.0.0.5',
      ports: spec.ports.map((containerPort) => ({
        containerPort,
        hostPort: runtime.hostPort(containerPort),
      })),
      processes: [...processes.keys()].map((id) => ({ id, running: true })),
    }),
    async run(processSpec) {
      if (processes.has(processSpec.id)) return { ok: false, reason: `${processSpec.id} exists` };
      const process = createProcess(processSpec, runtime);
      processes.set(processSpec.id, process);
      runtime.onEvent(`run ${processSpec.id}`);
      runtime.onRun(process);
      return { ok: true, process };
    },
    process: (id) => processes.get(id),
    async forget(idPrefix) {
      for (const id of processes.keys()) if (id.startsWith(idPrefix)) processes.delete(id);
    },
    async putCredentials(files) {
      for (const { path, content } of files)
        container.files.set(`${CREDENTIALS_ROOT}/${path}`, Buffer.from(content));
      return { ok: true };
    },
    place: async () => ({ ok: true }),
    async readFile(path, limit) {
      const content = container.files.get(path);
      if (content === undefined) return { ok: false, reason: 'absent' };
      return content.length > limit ? { ok: false, reason: 'too-large' } : { ok: true, content };
    },
    async copyOut({ path, to }) {
      const content = container.files.get(path);
      if (content === undefined) return { ok: false, reason: 'absent' };
      await writeFile(to, content);
      return { ok: true, bytes: content.length };
    },
    usage: async () => container.used,
    async destroy() {
      container.destroyed = true;
      runtime.containers.delete(spec.guid);
      runtime.onEvent('destroy');
    },
  };
  return container;
};

/** A runtime whose containers exist in the test alone. They outlive the rep, as real ones do. */
export const createFakeRuntime = (): FakeRuntime => {
  const health = createHealthWatch();
  const runtime: FakeRuntime = {
    kind: 'fake',
    caveat: '',
    mounts: true,
    containers: new Map(),
    refusal: '',
    isHealthy: true,
    becomeHealthy(now) {
      runtime.isHealthy = now;
      health.tell();
    },
    onEvent: () => undefined,
    onRun: () => undefined,
    hostPort: (port) => port,
    start: async () => undefined,
    stop: async () => undefined,
    healthy: () => runtime.isHealthy,
    watchHealth: health.watch,
    async create(spec) {
      if (runtime.refusal !== '') return { ok: false, reason: runtime.refusal };
      const container = createContainer(spec, runtime);
      runtime.containers.set(spec.guid, container);
      runtime.onEvent('create');
      return { ok: true, container };
    },
    adopt: async () => [...runtime.containers.values()],
  };
  return runtime;
};
