/** An executor as a process of its own: runs nothing, and says that it does. */
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createExecutorClient } from '../../mesos-bridge/protocol/executor/client.js';
import { readExecutorEnvironment } from '../../mesos-bridge/protocol/executor/environment.js';

const environment = readExecutorEnvironment(process.env);
if (!environment.ok) throw new Error(environment.error);

const client = createExecutorClient({
  environment: environment.value,
  encoding: 'json',
  clock: createSystemClock(),
  random: createSystemRandom(),
  logger: createCaptureLogger(),
  handlers: {
    onEvent(event) {
      if (event.type === 'SUBSCRIBED') process.stdout.write('subscribed\n');
      if (event.type === 'LAUNCH') client.update({ taskId: event.launch.task.taskId, state: 'TASK_RUNNING' });
      if (event.type === 'KILL') client.update({ taskId: event.kill.taskId, state: 'TASK_KILLED' });
      if (event.type === 'SHUTDOWN') process.exit(0);
    },
    onLost: () => undefined,
    onGone: () => process.exit(1),
  },
});
client.start();
