import type { Member } from './group.js';

/** What a component says of itself to whoever asks. */
export interface Health {
  /** it does its work now */
  readonly healthy: boolean;
  /** why not; '' when healthy */
  readonly reason: string;
  /** what its operator wants to know besides, by name */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** Healthy unless something stands against it; false and '' do not. */
export const healthOf = (against: readonly (string | false)[], details: Health['details']): Health => {
  const reasons = new Set(against.filter((reason) => reason !== false && reason !== ''));
  return { healthy: reasons.size === 0, reason: [...reasons].join('; '), details };
};

export interface Phase {
  /** to be the last of a component's members: it starts when all have, and stops before any */
  readonly member: Member;
  /** why the component does not work yet, or any more; '' = it does */
  whyNot(): string;
}

/** Whether a component is starting, there, or stopping. */
export const createPhase = (component: string): Phase => {
  let reason = `${component} is starting`;
  return {
    member: {
      name: `${component}-started`,
      start: () => void (reason = ''),
      stop: () => void (reason = `${component} is stopping`),
    },
    whyNot: () => reason,
  };
};
