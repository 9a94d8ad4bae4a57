import t from 'tap';
import { chooseOwnPorts, choosePort } from '../../../cli/all-in-one/ports.js';
import { freePort } from '../../support/nats-server.js';

t.test(
  'ports - one that somebody asks for is not given to others, though nobody listens there yet',
  async (t) => {
    const port = await freePort();
    await t.rejects(chooseOwnPorts({ router: port, api: port }), { code: 'PORT_IN_USE' });
    const { router, api } = await chooseOwnPorts({ router: undefined, api: port });
    t.equal(api, port);
    t.not(router, port);
    const choice = { asked: undefined, preferred: port, what: 'router' };
    t.equal(await choosePort({ ...choice, taken: [] }), port);
    t.not(
      await choosePort({ ...choice, taken: [port] }),
      port,
      'what is preferred is left to whoever has it',
    );
  },
);
