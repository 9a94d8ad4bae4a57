/** What Mesos is told of one task, from what happens to its container. */

/** launched: it is known here · running · killing: it was told to end · ended: nothing of it is left */
export type TaskPhase = 'launched' | 'running' | 'killing' | 'ended';

export type ToldState =
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_DROPPED';

export interface Told {
  readonly state: ToldState;
  readonly message?: string;
  readonly reason?: 'REASON_CONTAINER_LIMITATION_MEMORY' | 'REASON_CONTAINER_LIMITATION_DISK';
  readonly healthy?: boolean;
}

/** As the rep tells it. */
export type Happening =
  | { readonly state: 'running' }
  | { readonly state: 'stopping'; readonly cause: string }
  | {
      readonly state: 'ended';
      readonly end: {
        readonly how: 'finished' | 'failed' | 'stopped' | 'dropped';
        readonly reason: string;
        readonly exit?: { readonly outOfMemory: boolean; readonly outOfDisk?: true };
      };
    };

/** Longest message, in characters: it goes through agent and master to the bridge, and is kept there. */
const LONGEST_MESSAGE = 1_000;

/** Why a container was told to end, in words for whoever looks at Mesos. */
const CAUSES: Readonly<Record<string, string>> = {
  requested: 'stopped by the bulletin board',
  unwanted: 'the bulletin board does not want it here any more',
  evacuated: 'replaced on another cell',
  shutdown: 'the executor is shutting down',
  resumed: 'was being stopped when the executor was killed',
  withdrawn: 'killed by the scheduler',
};

export const causeText = (cause: string): string => CAUSES[cause] ?? cause;

type End = Extract<Happening, { state: 'ended' }>['end'];

const STATES: Readonly<Record<End['how'], ToldState>> = {
  finished: 'TASK_FINISHED',
  failed: 'TASK_FAILED',
  stopped: 'TASK_KILLED',
  dropped: 'TASK_DROPPED',
};

/** Of an instance that was not to end, and did well. */
const ENDED_WELL = 'exited with status 0, and was to run on';

const limitOf = ({ exit }: End): Pick<Told, 'reason'> => {
  if (exit?.outOfMemory) return { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' };
  return exit?.outOfDisk ? { reason: 'REASON_CONTAINER_LIMITATION_DISK' } : {};
};

const endTold = (end: End, cause: string | undefined): Told => {
  const { how, reason } = end;
  const told = how === 'stopped' ? causeText(cause ?? 'requested') : reason;
  const message = told === '' && how === 'failed' ? ENDED_WELL : told;
  return {
    state: STATES[how],
    ...(message !== '' && { message: message.slice(0, LONGEST_MESSAGE) }),
    ...(how === 'failed' && limitOf(end)),
  };
};

export interface TaskLife {
  readonly phase: TaskPhase;
  /** why it was told to end */
  readonly cause?: string;
}

export const LAUNCHED: TaskLife = { phase: 'launched' };

export interface Step {
  readonly life: TaskLife;
  /** what Mesos is to be told of it; undefined: it knows */
  readonly told?: Told;
}

/**
 * What a happening makes of a task. Phases go forwards alone: of what has ended, or was told to, nobody says that it
 * runs, whatever the order in which things are heard of.
 */
export const nextStep = (life: TaskLife, happening: Happening): Step => {
  if (life.phase === 'ended') return { life };
  switch (happening.state) {
    case 'running':
      return life.phase === 'launched'
        ? { life: { phase: 'running' }, told: { state: 'TASK_RUNNING', healthy: true } }
        : { life };
    case 'stopping': {
      if (life.phase === 'killing') return { life };
      const { cause } = happening;
      return {
        life: { phase: 'killing', cause },
        told: { state: 'TASK_KILLING', message: causeText(cause) },
      };
    }
    case 'ended':
      return { life: { phase: 'ended' }, told: endTold(happening.end, life.cause) };
  }
};
