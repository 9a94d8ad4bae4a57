import t from 'tap';
import type { ConstraintSpec, Place } from '../../../mesos-bridge/core/constraints.js';
import {
  attributeText,
  compileConstraint,
  compileConstraints,
  constraintText,
  scalarText,
} from '../../../mesos-bridge/core/constraints.js';

const place: Place = {
  hostname: 'h1',
  region: 'eu',
  zone: '',
  attributes: [
    { name: 'rack', type: 'TEXT', text: 'r1' },
    { name: 'rack', type: 'TEXT', text: 'r2' },
    { name: 'level', type: 'SCALAR', value: 10 },
    { name: 'slots', type: 'RANGES', ranges: [{ begin: 1, end: 5 }] },
    { name: 'kinds', type: 'SET', items: ['a', 'b'] },
  ],
};
const allows = (
  [field, operator, value]: readonly [string, ConstraintSpec['operator'], string?],
  placed: (string | undefined)[] = [],
  wanted = 1,
): boolean => {
  const made = compileConstraint({ field, operator, ...(value !== undefined && { value }) });
  if (!made.ok) throw new Error(made.error);
  return made.value.allows(place, placed, wanted);
};

const cases: [boolean, Parameters<typeof allows>][] = [
  [true, [['rack', 'IS', 'r1']]],
  [false, [['rack', 'IS', 'r2']]],
  [true, [['level', 'IS', '10.000']]],
  [true, [['level', 'LIKE', '1.']]],
  [true, [['slots', 'IS', '[1-5]']]],
  [true, [['kinds', 'IS', '{a,b}']]],
  [true, [['rack', 'LIKE', 'r[12]']]],
  [false, [['rack', 'LIKE', 'r']]],
  [false, [['none', 'LIKE', '.*']]],
  [false, [['rack', 'UNLIKE', 'r.']]],
  [true, [['none', 'UNLIKE', '.*']]],
  [true, [['rack', 'EXISTS']]],
  [false, [['none', 'EXISTS']]],
  [false, [['@zone', 'EXISTS']]],
  [true, [['@region', 'IS', 'eu']]],
  [true, [['@hostname', 'UNIQUE'], ['h2']]],
  [false, [['hostname', 'UNIQUE'], ['h1']]],
  [false, [['none', 'UNIQUE'], []]],
  [
    true,
    [
      ['rack', 'MAX_PER', '2'],
      ['r1', 'r2', 'r2', undefined],
    ],
  ],
  [
    false,
    [
      ['rack', 'MAX_PER', '2'],
      ['r1', 'r1'],
    ],
  ],
  [true, [['rack', 'CLUSTER', 'r1'], ['r9']]],
  [true, [['rack', 'CLUSTER'], []]],
  [
    true,
    [
      ['rack', 'CLUSTER'],
      ['r1', 'r1'],
    ],
  ],
  [false, [['rack', 'CLUSTER'], ['r2']]],
  [true, [['rack', 'GROUP_BY', '2'], ['r2'], 4]],
  [false, [['rack', 'GROUP_BY', '2'], ['r2', 'r3'], 4]],
  [true, [['rack', 'GROUP_BY', '2'], ['r1', 'r2', 'r2'], 4]],
  [false, [['rack', 'GROUP_BY', '2'], ['r1', 'r1', 'r2'], 4]],
  [true, [['rack', 'GROUP_BY', '2'], ['r1', 'r1', 'r2', 'r2'], 5]],
  [
    true,
    [
      ['rack', 'GROUP_BY'],
      ['r2', 'r2'],
    ],
  ],
  [
    false,
    [
      ['rack', 'GROUP_BY'],
      ['r1', 'r1', 'r2'],
    ],
  ],
];

for (const [expected, args] of cases)
  t.test(`constraints - ${JSON.stringify(args)}: ${expected}`, async (t) =>
    t.equal(allows(...args), expected),
  );

t.test('constraints - what makes no sense is told', async (t) => {
  const wrong: ConstraintSpec[] = [
    { field: '', operator: 'EXISTS' },
    { field: 'a', operator: 'EXISTS', value: 'x' },
    { field: 'a', operator: 'IS' },
    { field: 'a', operator: 'LIKE', value: '(' },
    { field: 'a', operator: 'MAX_PER', value: '0' },
    { field: 'a', operator: 'GROUP_BY', value: '-1' },
  ];
  t.same(
    wrong.map((one) => {
      const made = compileConstraint(one);
      return made.ok ? '' : made.error;
    }),
    [
      'a constraint needs a field',
      'constraint on a: EXISTS takes no value',
      'constraint on a: IS needs a value',
      'constraint on a: "(" is not a regular expression',
      'constraint on a: MAX_PER needs a whole number of at least 1, not "0"',
      'constraint on a: GROUP_BY needs a whole number of at least 1, not "-1"',
    ],
  );
});

t.test('constraints - those of agents apart from those between the instances of a process', async (t) => {
  const sorted = compileConstraints([
    ['rack', 'CLUSTER', 'r1'],
    ['rack', 'CLUSTER'],
    ['os', 'UNLIKE', 'windows.*'],
    ['@hostname', 'UNIQUE'],
    ['@zone', 'GROUP_BY', '3'],
  ]);
  t.ok(sorted.ok);
  if (!sorted.ok) return;
  const texts = (list: readonly { spec: ConstraintSpec }[]) => list.map(({ spec }) => constraintText(spec));
  t.same(texts(sorted.value.agents), ['rack CLUSTER r1', 'os UNLIKE windows.*']);
  t.same(texts(sorted.value.perProcess), ['rack CLUSTER', '@hostname UNIQUE', '@zone GROUP_BY 3']);
  t.same(compileConstraints([['a', 'IS', 'x'], ['a', 'NEAR'], ['a', 'IS', 'x', 'y'], []]), {
    ok: false,
    error: [
      {
        at: 1,
        problem:
          '"NEAR" is no operator of constraints: there are IS, LIKE, UNLIKE, EXISTS, CLUSTER, UNIQUE, MAX_PER, GROUP_BY',
      },
      { at: 2, problem: 'a constraint is a field, an operator, and a value at most' },
      {
        at: 3,
        problem:
          '"" is no operator of constraints: there are IS, LIKE, UNLIKE, EXISTS, CLUSTER, UNIQUE, MAX_PER, GROUP_BY',
      },
    ],
  });
});

t.test('constraints - values as text: three decimals, half to even', async (t) => {
  t.same([10, 0.5, 1.0005, 2.0015, 0.0004, -1.5].map(scalarText), ['10', '0.5', '1', '2.002', '0', '-1.5']);
  t.equal(
    attributeText({
      name: 'a',
      type: 'RANGES',
      ranges: [
        { begin: 1, end: 1 },
        { begin: 3, end: 4 },
      ],
    }),
    '[1-1,3-4]',
  );
  t.equal(constraintText({ field: 'rack', operator: 'UNIQUE' }), 'rack UNIQUE');
});
