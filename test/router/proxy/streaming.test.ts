import t from 'tap';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../../support/eventually.js';
import { startApp, startRouter } from '../../support/router.js';

const MB = 1024 * 1024;
const TOTAL = 100 * MB;
/** Well below what went through. Little is on its way at any time, but memory is given back with a delay. */
const ALLOWED = 40 * MB;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Most bytes that buffers held, looked at every 8 MB, without what is garbage already. */
const createMemoryWatch = () => {
  let before = 0;
  let most = 0;
  let passed = 0;
  const held = (): number => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  return {
    start(): void {
      before = held();
      most = before;
    },
    pass(bytes: number): void {
      passed += bytes;
      if (passed < 8 * MB) return;
      passed = 0;
      most = Math.max(most, held());
    },
    growth: (): number => most - before,
  };
};

void t.test('streaming - 100 MB down and up with bounded memory', async (t) => {
  const router = await startRouter(t);
  const watch = createMemoryWatch();
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let uploaded = 0;
  const app = await startApp(t, (req, res) => {
    if (req.method === 'POST') {
      req.on('data', (data: Buffer) => {
        uploaded += data.length;
        watch.pass(data.length);
      });
      req.on('end', () => res.end(String(uploaded)));
      return;
    }
    let left = TOTAL;
    const push = (): void => {
      while (left > 0) {
        left -= chunk.length;
        if (!res.write(chunk)) return void res.once('drain', push);
      }
      res.end();
    };
    push();
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const target = { host: '127.0.0.1', port: router.port, headers: { Host: 'app.test' } };

  watch.start();
  const down = request(target).end();
  const [answer] = (await once(down, 'response')) as [IncomingMessage];
  let downloaded = 0;
  for await (const data of answer) {
    downloaded += (data as Buffer).length;
    watch.pass((data as Buffer).length);
  }
  t.equal(downloaded, TOTAL);
  t.ok(watch.growth() < ALLOWED, `${watch.growth()} bytes held while downloading`);

  watch.start();
  const up = request({ ...target, method: 'POST' });
  for (let sent = 0; sent < TOTAL; sent += chunk.length) {
    if (!up.write(chunk)) await once(up, 'drain');
  }
  up.end();
  const [stored] = (await once(up, 'response')) as [IncomingMessage];
  let body = '';
  for await (const data of stored) body += String(data);
  t.equal(body, String(TOTAL));
  t.ok(watch.growth() < ALLOWED, `${watch.growth()} bytes held while uploading`);
});

void t.test('streaming - a side that does not read stops the other', async (t) => {
  const router = await startRouter(t);
  let written = 0;
  let stalled = 0;
  let uploaded: IncomingMessage | undefined;
  const app = await startApp(t, (req, res) => {
    if (req.method === 'POST') {
      uploaded = req;
      return;
    }
    const chunk = Buffer.alloc(256 * 1024);
    const push = (): void => {
      while (written < TOTAL) {
        written += chunk.length;
        if (!res.write(chunk)) {
          stalled = written;
          return void res.once('drain', push);
        }
      }
      res.end();
    };
    push();
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const target = { host: '127.0.0.1', port: router.port, headers: { Host: 'app.test' } };

  const down = request(target).end();
  const [answer] = (await once(down, 'response')) as [IncomingMessage];
  await settled(() => stalled);
  t.ok(written < 40 * MB, `the endpoint could write ${written} bytes to a client that does not read`);
  let downloaded = 0;
  for await (const data of answer) downloaded += (data as Buffer).length;
  t.equal(downloaded, TOTAL);

  let sent = 0;
  let draining = true;
  const up = request({ ...target, method: 'POST' });
  up.on('error', () => undefined);
  const push = (): void => {
    while (draining && sent < TOTAL) {
      sent += 256 * 1024;
      if (!up.write(Buffer.alloc(256 * 1024))) return void up.once('drain', push);
    }
  };
  push();
  await eventually(() => uploaded !== undefined);
  await settled(() => sent);
  t.ok(sent < 40 * MB, `the client could send ${sent} bytes to an endpoint that does not read`);
  uploaded?.resume();
  await eventually(() => sent >= TOTAL);
  draining = false;
  up.destroy();
});

/** Waits until the value has stood still for a while. */
const settled = async (value: () => number): Promise<void> => {
  let last = -1;
  let still = 0;
  await eventually(() => {
    still = value() === last ? still + 1 : 0;
    last = value();
    return still > 20;
  });
};
