import t from 'tap';
import { must, openBoard, taskDefinition } from '../support/bbs.js';

t.test(
  'tasks - what waits for capacity that is being sought has its reason, and has lost no retry',
  async (t) => {
    const { board, close } = await openBoard();
    t.teardown(close);
    must(await board.desireTask({ taskGuid: 'job', domain: 'd', definition: taskDefinition() }, 't'));
    for (let round = 0; round < 10; round += 1)
      must(
        await board.rejectTask('job', 'waits for Mesos offers', 't', {
          placementId: 'job@0',
          deferred: true,
        }),
      );
    t.match(must(await board.task('job')), {
      state: 'Pending',
      rejectionCount: 0,
      rejectionReason: 'waits for Mesos offers',
    });
    must(await board.rejectTask('job', 'no room', 't', { placementId: 'job@0' }));
    t.match(must(await board.task('job')), {
      state: 'Pending',
      rejectionCount: 1,
      rejectionReason: 'no room',
    });
  },
);
