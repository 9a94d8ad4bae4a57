import { EventEmitter } from 'node:events';
import t from 'tap';
import { type Keyboard, createScreen } from '../../cli/screen.js';

const ESC = '\u001b[';

const aTerminal = ({ isTTY = true, keys = true }: { isTTY?: boolean; keys?: boolean } = {}) => {
  let written = '';
  const log: string[] = [];
  const stdout = Object.assign(new EventEmitter(), {
    isTTY,
    columns: 50,
    rows: 3,
    write: (text: string) => (written += text),
  });
  const stdin: Keyboard & EventEmitter = Object.assign(new EventEmitter(), {
    isTTY: keys,
    setRawMode: (raw: boolean) => log.push(`raw ${raw}`),
    resume: () => log.push('resume'),
    pause: () => log.push('pause'),
  });
  return { stdout, stdin, log, written: () => written };
};

t.test('screen - it is drawn on in place, and given back as it was', async (t) => {
  const { stdout, stdin, log, written } = aTerminal();
  const screen = createScreen({ stdin, stdout }, 'xterm');
  const seen: string[] = [];
  const open = screen?.open({ key: (key) => seen.push(key), resize: () => seen.push('resized') });
  t.equal(written(), `${ESC}?1049h${ESC}?25l`);
  open?.draw(['one', 'two', 'three', 'four']);
  t.equal(
    written().slice(14),
    `${ESC}Hone${ESC}K\r\ntwo${ESC}K\r\nthree${ESC}K${ESC}J`,
    'no more lines than there are',
  );
  stdin.emit('data', Buffer.from('aq\u0003'));
  stdout.emit('resize');
  t.same(seen, ['a', 'q', '\u0003', 'resized']);
  open?.close();
  open?.close();
  open?.draw(['late']);
  t.ok(written().endsWith(`${ESC}J${ESC}?25h${ESC}?1049l`), 'once, and nothing is drawn after it');
  t.same(log, ['raw true', 'resume', 'raw false', 'pause']);
  t.equal(stdin.listenerCount('data') + stdout.listenerCount('resize'), 0);
});

t.test('screen - without a keyboard it is drawn on all the same', async (t) => {
  const { stdout, stdin, log } = aTerminal({ keys: false });
  createScreen({ stdin, stdout }, 'xterm')
    ?.open({ key: () => t.fail('no key'), resize: () => undefined })
    .close();
  t.same(log, []);
});

t.test('screen - there is none where nothing can be drawn on', async (t) => {
  const pipe = aTerminal({ isTTY: false });
  t.equal(createScreen(pipe, 'xterm'), undefined);
  t.equal(createScreen(aTerminal(), 'dumb'), undefined);
  const unsaid = aTerminal();
  Object.assign(unsaid.stdout, { columns: 0, rows: undefined });
  t.same(createScreen(unsaid, 'xterm')?.size(), { columns: 80, rows: 24 });
});
