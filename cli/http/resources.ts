/** What the command line reads of Cloud Foundry v3's resources. */
export interface List<T> {
  resources: T[];
}

export interface App {
  guid: string;
  name: string;
  state: 'STARTED' | 'STOPPED';
}

export interface Process {
  guid: string;
  type: string;
  instances: number;
  memory_in_mb: number;
  disk_in_mb: number;
  command: string | null;
}

export interface InstanceStats {
  index: number;
  state: 'RUNNING' | 'STARTING' | 'CRASHED' | 'DOWN';
  /** seconds */
  uptime?: number | null;
  /** why it has no place, or how it crashed */
  details?: string | null;
  cell_id?: string | null;
}

export interface Route {
  guid: string;
  url: string;
}

export interface Task {
  guid: string;
  sequence_id: number;
  name: string;
  command: string;
  state: string;
  created_at: string;
  result: { failure_reason: string | null };
}

export interface Job {
  state: 'PROCESSING' | 'POLLING' | 'COMPLETE' | 'FAILED';
  errors: { title: string; detail: string }[];
}
