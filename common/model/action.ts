/** Actions: what a container does. Names and meaning are Diego's (BBS models). */

export interface EnvironmentVariable {
  name: string;
  value: string;
}

/** A file placed into the container. `path` is relative to the directory its owner defines. */
export interface VolumeMountedFile {
  path: string;
  content: string;
}

export interface ResourceLimits {
  nofile?: number;
  /** Accepted for Diego's sake and ignored, as in Diego. */
  nproc?: number;
}

export interface RunAction {
  path: string;
  args: string[];
  dir: string;
  env: EnvironmentVariable[];
  resourceLimits?: ResourceLimits;
  user: string;
  logSource: string;
  suppressLogOutput: boolean;
  volumeMountedFiles: VolumeMountedFile[];
}

export interface DownloadAction {
  artifact: string;
  from: string;
  to: string;
  cacheKey: string;
  logSource: string;
  user: string;
  /** '' | 'md5' | 'sha1' | 'sha256' */
  checksumAlgorithm: string;
  checksumValue: string;
}

export interface UploadAction {
  artifact: string;
  from: string;
  to: string;
  logSource: string;
  user: string;
}

export interface TimeoutAction {
  action?: Action;
  logSource: string;
  /** ms, > 0 */
  timeoutMs: number;
}

export interface EmitProgressAction {
  action?: Action;
  startMessage: string;
  successMessage: string;
  failureMessagePrefix: string;
  logSource: string;
}

export interface TryAction {
  action?: Action;
  logSource: string;
}

export interface ActionList {
  actions: Action[];
  logSource: string;
}

/** Exactly one member is set; the first set one counts. */
export interface Action {
  download?: DownloadAction;
  upload?: UploadAction;
  run?: RunAction;
  timeout?: TimeoutAction;
  emitProgress?: EmitProgressAction;
  try?: TryAction;
  parallel?: ActionList;
  serial?: ActionList;
  codependent?: ActionList;
}

export interface TcpCheck {
  /** container port, 1–65535 */
  port: number;
  /** ms; 0 = default (1000) */
  connectTimeoutMs: number;
  /** ms between liveness probes; 0 = default (30,000) */
  intervalMs: number;
}

export interface HttpCheck {
  port: number;
  requestTimeoutMs: number;
  /** '' = '/' */
  path: string;
  intervalMs: number;
}

/** Exactly one kind is set. */
export interface Check {
  tcpCheck?: TcpCheck;
  httpCheck?: HttpCheck;
}

export interface CheckDefinition {
  checks: Check[];
  logSource: string;
  readinessChecks: Check[];
}
