import { createSqliteEngine } from '../../../common/store/sqlite-engine.js';
import { ball, openBalls } from '../../support/store.js';

// Writes until it is killed, a pair of rows per decision, and prints the number of each acknowledged one.
const [dir = '', from = '0'] = process.argv.slice(2);
const store = await openBalls(createSqliteEngine({ dir }));
let next = Number(from);

const write = async (): Promise<void> => {
  for (;;) {
    const n = (next += 1);
    const result = await store.transact((tables) => {
      tables.balls.put(`left-${n}`, ball(`left-${n}`, { n }));
      tables.balls.put(`right-${n}`, ball(`right-${n}`, { n }));
      tables.balls.delete(`left-${n - 500}`);
      tables.balls.delete(`right-${n - 500}`);
      return { value: n, events: [] };
    });
    if (!result.ok) throw new Error(result.error.message);
    process.stdout.write(`${n}\n`);
  }
};

await Promise.all(Array.from({ length: 16 }, write));
