import fs from 'node:fs';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import t from 'tap';
import { pipeToNewFile } from '../../../common/runtime/new-file.js';

type Test = { teardown(task: () => unknown): unknown };
type Callback = (...result: unknown[]) => void;

const directory = async (t: Test): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-new-file-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
};

/** A disk that takes its time to open files; answers how many it has opened. */
const slowDisk = (t: Test): (() => number) => {
  const real = fs.open;
  let opened = 0;
  const open = (...args: unknown[]): void => {
    const callback = args.pop() as Callback;
    const done: Callback = (...result) => {
      opened += 1;
      callback(...result);
    };
    setTimeout(() => Reflect.apply(real, fs, [...args, done]), 50);
  };
  fs.open = open as typeof real;
  t.teardown(() => (fs.open = real));
  return () => opened;
};

/** Lets one chunk pass. */
const failing = (): Transform => {
  let chunks = 0;
  return new Transform({
    transform(chunk, _encoding, done) {
      chunks += 1;
      if (chunks > 1) done(new Error('too much'));
      else done(null, chunk);
    },
  });
};

t.test('new file - holds what flowed, for its owner alone', async (t) => {
  const path = join(await directory(t), 'file');
  await pipeToNewFile([Readable.from([Buffer.from('some '), Buffer.from('content')])], path, { flush: true });
  t.equal(await readFile(path, 'utf8'), 'some content');
  t.equal((await stat(path)).mode & 0o777, 0o600);
});

t.test('new file - nothing is left of what failed, be it before the file was open', async (t) => {
  const dir = await directory(t);
  const opened = slowDisk(t);
  await t.rejects(
    pipeToNewFile([Readable.from([Buffer.from('x'), Buffer.from('y')]), failing()], join(dir, 'file')),
    {
      message: 'too much',
    },
  );
  t.equal(opened(), 1);
  t.same(await readdir(dir), []);
});

t.test('new file - one that is there stays as it is', async (t) => {
  const path = join(await directory(t), 'file');
  await writeFile(path, 'mine');
  await t.rejects(pipeToNewFile([Readable.from([Buffer.from('x')])], path), { code: 'EEXIST' });
  t.equal(await readFile(path, 'utf8'), 'mine');
});
