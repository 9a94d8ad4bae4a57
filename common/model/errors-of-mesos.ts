import type { ErrorEntry } from './error-entry.js';

/** What people meet whose cells come from Mesos. */
export const ERRORS_OF_MESOS = {
  MESOS_AGENT_GONE: {
    message: 'the Mesos agent at {server} is gone for this executor: {reason}',
    remedy: 'nothing: the executor ends, and what it ran is placed anew',
    status: 502,
  },
  MESOS_AGENT_NOT_EVACUATED: {
    message:
      'the agent {agent} is about to be taken out of service, and its executor {executor} does not leave: {reason}',
    remedy: "it is asked again; if it lasts, look at its log, and at 'outcry cells' before the time comes",
    status: 502,
  },
  MESOS_CALL_NOT_TAKEN: {
    message: 'Mesos has not taken the call {call} ({kind}): {reason}',
    remedy:
      'see what it names; work whose launch was refused is placed anew, and of what may run Mesos is asked first',
    status: 502,
  },
  MESOS_CALL_REFUSED: {
    message: 'Mesos at {server} refused the call {call} with status {status}: {reason}',
    remedy: 'see what it names; the call is not repeated',
    status: 502,
  },
  MESOS_CREDENTIALS_REFUSED: {
    message: 'Mesos at {server} does not let {principal} in (status {status}): {reason}',
    remedy:
      'correct the principal and the secret, or what the principal may do, at either side; it is tried again',
    status: 502,
  },
  MESOS_EVENT_UNREADABLE: {
    message: 'an event of Mesos at {server} cannot be read, and is passed over: {reason}',
    remedy:
      'compare the versions: this is for Mesos 1.5 to 1.12; what was in it is asked for again by reconciliation',
    status: 502,
  },
  MESOS_EXECUTOR_UNHEARD: {
    message: 'the executor {executor} on agent {agent} was started, and nothing was heard of it',
    remedy: "look at its sandbox in Mesos; the agent's machine must reach the bridge's enrolment address",
    status: 502,
  },
  MESOS_FRAMEWORK_REMOVED: {
    message: 'Mesos at {server} has removed the framework {framework}: {reason}',
    remedy:
      'its tasks are gone and are placed anew; a longer failover_timeout keeps a framework that was away for long',
    status: 502,
  },
  MESOS_HUNGER: {
    message: '{words}',
    remedy:
      "'outcry mesos offers' shows what the offers lack; free resources, give the role quota, or ask for less",
    status: 503,
  },
  MESOS_LEADER_UNKNOWN: {
    message: 'there is no Mesos master to talk to: {reason}',
    remedy: 'check that a master is elected, and the masters or the zk:// address in the configuration',
    status: 503,
  },
  MESOS_MASTERS_INVALID: {
    message: 'the masters "{masters}" cannot be used: {reason}',
    remedy: 'give HOST:PORT, several separated by commas, or zk://[USER:PASSWORD@]HOST:PORT,…/PATH',
    status: 422,
  },
  MESOS_OFFER_ODD: {
    message: 'an offer of agent {agent} has a resource that cannot be reckoned with: {reason}',
    remedy: 'correct the resources of that agent; what is left of the offer is used',
    status: 502,
  },
  MESOS_REDIRECTED_TOO_OFTEN: {
    message: 'masters of Mesos send to one another in a circle: {hops}',
    remedy: 'wait for the election to end; if it lasts, check what the masters advertise as their address',
    status: 502,
  },
  MESOS_STREAM_UNREADABLE: {
    message: 'what Mesos at {server} sends is no stream of events: {reason}',
    remedy:
      'check that the address is that of Mesos, and raise the limit of an event where it is named; it is subscribed anew',
    status: 502,
  },
  MESOS_SUBSCRIPTION_LOST: {
    message: 'the subscription at Mesos {server} is lost: {reason}',
    remedy: 'it is subscribed anew by itself; if it lasts, look at the log of Mesos and the network between',
    status: 502,
  },
  MESOS_SUBSCRIPTION_REFUSED: {
    message: 'Mesos at {server} refuses the subscription: {reason}',
    remedy: 'correct what it names in the configuration of the framework; it is tried again',
    status: 502,
  },
  MESOS_TASK_STATE_UNKNOWN: {
    message: 'Mesos tells of the task {task} the state {state}, which is not known here',
    remedy: 'compare the versions: this is for Mesos 1.5 to 1.12; the task counts as what it was before',
    status: 502,
  },
  MESOS_TASK_UNANSWERED: {
    message: 'Mesos says nothing of the task {task}, however often it is asked',
    remedy: 'see whether its agent is there; it is asked about again in the next round',
    status: 502,
  },
  MESOS_TASK_UNWANTED: {
    message: 'the task {task} was found running on agent {agent}, and the BBS knows nothing of it',
    remedy: 'it is killed; if it was wanted, the BBS has lost it, and it is to be asked for again',
    status: 409,
  },
  MESOS_UNREACHABLE: {
    message: 'Mesos at {server} cannot be reached: {reason}',
    remedy: 'check that it runs, the address, and the certificates where TLS is used; it is tried again',
    status: 503,
  },
  ZOOKEEPER_REFUSED: {
    message: 'ZooKeeper at {server} refuses: {reason}',
    remedy: 'check USER:PASSWORD of the zk:// address, and who may read its path; it is tried again',
    status: 502,
  },
  ZOOKEEPER_UNREACHABLE: {
    message: 'ZooKeeper at {server} cannot be reached: {reason}',
    remedy: 'check that it runs, and the zk:// address; the last known master stays in use',
    status: 503,
  },
} as const satisfies Record<string, ErrorEntry>;
