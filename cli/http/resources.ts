/** What the command line reads of Cloud Foundry v3's resources, and of ours beside them. */
export interface List<T> {
  resources: T[];
}

export interface App {
  guid: string;
  name: string;
  state: 'STARTED' | 'STOPPED';
  lifecycle?: { type: string };
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
  crash_count?: number;
  crash_reason?: string | null;
}

export interface Route {
  guid: string;
  url: string;
  destinations?: { app: { guid: string } }[];
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
  errors?: { title?: string; detail?: string }[];
}

/** As protobuf's JSON has it: what is 0 is absent. */
export interface CellResources {
  memory_mb?: number;
  disk_mb?: number;
  containers?: number;
}

export interface Cell {
  cell_id: string;
  presence: { zone?: string; capacity?: CellResources } | null;
  /** live; null when the cell did not answer */
  state: {
    zone?: string;
    available?: CellResources;
    total?: CellResources;
    lrp_counts?: Record<string, number>;
    task_count?: number;
    starting_container_count?: number;
    evacuating?: boolean;
    /** whether it takes work */
    placeable?: boolean;
  } | null;
}
