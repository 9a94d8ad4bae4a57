import type { AgentLink } from './agent-link.js';
export const createHttpAgentLink = (_options: object): AgentLink => {
  throw new Error('not there yet');
};
