/** Where agents connect: what they say, and to whom it goes. */
import type { Faults } from '../faults.js';
import { createLane } from '../lane.js';
import type { AgentMessage, Link, LinkEnd, MasterMessage } from '../link.js';
import { disconnectAgent } from './agent-loss.js';
import { confirm, register, reregister, unregister } from './agents.js';
import { operationUpdate } from './operations.js';
import { pong } from './pings.js';
import type { Agent, Master } from './state.js';
import { executorExited, messageFramework, statusUpdate } from './statuses.js';

/** Of an agent that has registered over this connection and has not been given up since. */
const handle = (m: Master, agent: Agent, message: AgentMessage): void => {
  switch (message.kind) {
    case 'pong':
      return pong(agent);
    case 'status-update':
      return statusUpdate(m, agent, message);
    case 'exited-executor':
      return executorExited(m, agent, message);
    case 'executor-message':
      return messageFramework(m, agent, message);
    case 'operation-update':
      return operationUpdate(m, message.frameworkId, message.status);
    case 'unregister':
      return unregister(m, agent);
    case 'register':
    case 'reregister':
      return undefined;
  }
};

/** Whom a message is of, also before it has registered over this connection. */
const senderOf = (message: AgentMessage, agent: Agent | undefined): string =>
  (message.kind === 'reregister' ? message.introduction.agent.id?.value : agent?.id) ?? '';

interface Connection {
  /** whom it belongs to, once somebody has registered over it */
  agent: Agent | undefined;
  readonly link: Link<MasterMessage>;
}

/** Its agent, unless it has been given up or has come back over another connection. */
const current = (m: Master, { agent, link }: Connection): Agent | undefined =>
  agent?.link === link && m.agents.get(agent.id) === agent ? agent : undefined;

const receive = (m: Master, connection: Connection, message: AgentMessage): void => {
  const agent = current(m, connection);
  // a registration that comes again over the same connection is answered with the same id
  if (message.kind === 'register' && agent) confirm(agent);
  else if (message.kind === 'register') connection.agent = register(m, message.introduction, connection.link);
  else if (message.kind === 'reregister') connection.agent = reregister(m, message, connection.link);
  else if (agent) handle(m, agent, message);
};

/** One connection of an agent; its end is what the agent speaks into. */
export const connectAgent = (m: Master, end: LinkEnd<MasterMessage>, faults: Faults): Link<AgentMessage> => {
  const isCut = (agentId: string): boolean => faults.partitioned.has(agentId);
  const outward = createLane<MasterMessage>({
    clock: m.clock,
    deliver: (message) => end.deliver(message),
    fate(message) {
      const agentId = connection.agent?.id ?? '';
      return isCut(agentId) ? 'hold' : (faults.toAgent?.(agentId, message) ?? 'deliver');
    },
  });
  const inward = createLane<AgentMessage>({
    clock: m.clock,
    deliver(message) {
      if (!m.ended) receive(m, connection, message);
    },
    fate(message) {
      const agentId = senderOf(message, connection.agent);
      // a connection that stands keeps what is under way; none can be made
      if (isCut(agentId)) return connection.agent ? 'hold' : 'drop';
      return faults.fromAgent?.(agentId, message) ?? 'deliver';
    },
  });
  const hangUp = (): void => {
    outward.end(() => end.closed());
    inward.end();
    m.connections.delete(hangUp);
  };
  const connection: Connection = {
    agent: undefined,
    link: { send: (message) => outward.send(message), close: hangUp },
  };
  const agentHungUp = (): void => {
    const agent = current(m, connection);
    // across a cut nobody hears that the other has hung up
    if (agent && !isCut(agent.id)) disconnectAgent(m, agent);
  };
  m.connections.add(hangUp);
  return {
    send: (message) => inward.send(message),
    close() {
      outward.end();
      m.connections.delete(hangUp);
      inward.end(agentHungUp);
    },
  };
};
