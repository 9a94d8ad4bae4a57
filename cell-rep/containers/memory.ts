import type { StepMemory, StepResult } from '../actions/step.js';
import type { ContainerState, RunOutcome, StopCause } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import type { OutputMemory } from '../logs/container-log.js';
import { newOutputMemory } from '../logs/container-log.js';

/** What the rep writes down of a container, besides its plan, to know it again after a restart. */
export interface ContainerRecord {
  state: ContainerState;
  /** everything before the main action is done */
  setUp: boolean;
  /** ids of finished downloads */
  done: string[];
  /** ms since the epoch at which steps with a time limit began */
  started: Record<string, number>;
  outputs: Record<string, { cursor: string; out: string; err: string }>;
  /** set when it was told to end: what comes then is no crash */
  stopping?: StopCause;
  /** set when one of several processes or checks has decided the end, and the others are being ended for it */
  verdict?: StepResult;
  /** set when completed: what the BBS still has to be told */
  outcome?: RunOutcome;
}

export interface StoredContainer {
  guid: string;
  record: ContainerRecord;
  plan?: RunPlan;
}

/** Port: the rep's notes on its containers. */
export interface ContainerNotes {
  load(): Promise<StoredContainer[]>;
  savePlan(plan: RunPlan): Promise<void>;
  save(guid: string, record: ContainerRecord): Promise<void>;
  remove(guid: string): Promise<void>;
}

export interface ContainerMemory extends StepMemory {
  record(): ContainerRecord;
  state(): ContainerState;
  setState(state: ContainerState): void;
  isSetUp(): boolean;
  markSetUp(): void;
  stopping(): StopCause | undefined;
  /** the first cause counts */
  markStopping(cause: StopCause): void;
  verdict(): StepResult | undefined;
  setVerdict(verdict: StepResult): void;
  outcome(): RunOutcome | undefined;
  setOutcome(outcome: RunOutcome): void;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytes = (encoded: string): Uint8Array => new Uint8Array(Buffer.from(encoded, 'base64'));

const restoreOutputs = (record: ContainerRecord | undefined): Map<string, OutputMemory> =>
  new Map(
    Object.entries(record?.outputs ?? {}).map(([id, { cursor, out, err }]) => [
      id,
      { cursor, partial: { OUT: bytes(out), ERR: bytes(err) } },
    ]),
  );

/** `onChange(soon)`: something is to be written down; `soon` = at once, else with the next round. */
export const createContainerMemory = (
  onChange: (soon: boolean) => void,
  from?: ContainerRecord,
): ContainerMemory => {
  const outputs = restoreOutputs(from);
  const done = new Set(from?.done ?? []);
  const started: Record<string, number> = { ...from?.started };
  let state: ContainerState = from?.state ?? 'reserved';
  let setUp = from?.setUp ?? false;
  let { outcome, stopping, verdict } = from ?? {};

  return {
    record: () => ({
      state,
      setUp,
      done: [...done],
      started,
      outputs: Object.fromEntries(
        [...outputs].map(([id, { cursor, partial }]) => [
          id,
          { cursor, out: text(partial.OUT), err: text(partial.ERR) },
        ]),
      ),
      ...(stopping !== undefined && { stopping }),
      ...(verdict !== undefined && { verdict }),
      ...(outcome !== undefined && { outcome }),
    }),
    state: () => state,
    setState(next) {
      state = next;
      onChange(true);
    },
    isSetUp: () => setUp,
    markSetUp() {
      setUp = true;
      onChange(true);
    },
    stopping: () => stopping,
    markStopping(cause) {
      if (stopping !== undefined) return;
      stopping = cause;
      onChange(true);
    },
    verdict: () => verdict,
    setVerdict(next) {
      verdict = next;
      onChange(true);
    },
    outcome: () => outcome,
    setOutcome(next) {
      outcome = next;
      state = 'completed';
      onChange(true);
    },
    isDone: (stepId) => done.has(stepId),
    markDone(stepId) {
      done.add(stepId);
      onChange(true);
    },
    startedAt(stepId, now) {
      const known = started[stepId];
      if (known !== undefined) return known;
      started[stepId] = now;
      onChange(true);
      return now;
    },
    output(processId) {
      const known = outputs.get(processId) ?? newOutputMemory();
      outputs.set(processId, known);
      return known;
    },
    touch: () => onChange(false),
  };
};
