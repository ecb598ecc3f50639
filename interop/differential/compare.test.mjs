// The comparer sees what it is there to see, and nothing that legitimately differs: a run without differences means nothing
// otherwise. Transcripts are those of two imaginary servers.

import { describe, expect, it } from 'vitest';
import { differ } from './compare.mjs';
import { forApacheLeaders } from './foreign-leader.mjs';
import { generate } from './generate.mjs';
import { normalise } from './normal.mjs';
import { operations } from './operations.mjs';
import { shrink } from './shrink.mjs';

const open = [{ perms: 31, scheme: 'world', id: 'anyone' }];

/** What a server answers that numbers its transactions from `first`, by its own clock, with session ids of its own. */
function transcript({ first, time, session }) {
  const stat = (zxid, more = {}) => ({
    ...{ czxid: first, mzxid: zxid, ctime: time, mtime: time, version: 0, cversion: 0, aversion: 0 },
    ...{ ephemeralOwner: 0n, dataLength: 1, numChildren: 0, pzxid: first },
    ...more,
  });
  const entry = (at, op, zxid, body, err = 0) => ({
    at,
    op,
    step: { op, path: '~/a' },
    err,
    zxid,
    xid: 'its own',
    body,
  });
  return {
    lines: [
      {
        name: 0,
        entries: [
          { at: 0, opened: 30_000, session },
          entry(1, 'create2', first, { path: '/d1/a', stat: stat(first, { ephemeralOwner: session }) }),
          entry(2, 'setData', first + 1n, { stat: stat(first + 1n, { version: 1 }) }),
          { at: 3, event: 3, state: 3, path: '/d1/a', zxid: first + 2n },
          entry(3, 'setData', first + 2n, { stat: stat(first + 2n, { version: 2 }) }),
          entry(4, 'getData', first + 2n, { data: 'eA==', stat: stat(first + 2n, { version: 2 }) }),
          entry(5, 'delete', first + 3n, {}, -103),
        ],
      },
    ],
    tree: [{ path: '/d1/a', data: 'eA==', stat: stat(first + 2n, { version: 2 }), acl: open }],
    sessions: [session],
  };
}

const apache = () => transcript({ first: 17n, time: 1_700_000_000_000n, session: 0x100n });
const corral = () => transcript({ first: 0x100000005n, time: 1_700_000_009_999n, session: 0x2ff00n });
const difference = (one, other) => differ(normalise(one), normalise(other), {});

const entries = ({ lines }) => lines[0].entries;
const changes = [
  ['an error code', (run) => (entries(run)[6].err = -101)],
  ['a version in a Stat', (run) => (entries(run)[2].body.stat.version = 7)],
  ['which transaction a Stat names', (run) => (entries(run)[4].body.stat.mzxid -= 1n)],
  ['whose a node is', (run) => (entries(run)[1].body.stat.ephemeralOwner = 0n)],
  ['data', (run) => (entries(run)[5].body.data = 'eQ==')],
  ['a path', (run) => (entries(run)[1].body.path = '/d1/b')],
  ['the kind of an event', (run) => (entries(run)[3].event = 2)],
  ['an event that is missing', (run) => entries(run).splice(3, 1)],
  ['an event behind the answer', (run) => entries(run).splice(3, 2, entries(run)[4], entries(run)[3])],
  ['an answer of another request', (run) => (entries(run)[5].xid = 9)],
  ['a read that goes back in time', (run) => (entries(run)[5].zxid -= 2n)],
  ['an answer that is missing', (run) => entries(run).pop()],
  ['a connection that was closed', (run) => entries(run).push({ at: 5, closed: true })],
  ['an ACL in the tree', (run) => (run.tree[0].acl = [])],
  ['a node too many in the tree', (run) => run.tree.push({ ...run.tree[0], path: '/d1/b' })],
  ['no tree', (run) => run.tree.pop()],
];

describe('two transcripts', () => {
  it('are alike when only zxids, times and session ids are their own', () => {
    expect(difference(apache(), corral())).toBeNull();
  });
});

it('counts what is accepted under its reason', () => {
  const other = { perms: 31, scheme: 'digest', id: 'ann:x' };
  const [one, two] = [apache(), corral()];
  one.tree[0].acl = [...open, other];
  two.tree[0].acl = [other, ...open];
  const counts = {};
  expect(differ(normalise(one), normalise(two), counts)).toBeNull();
  expect(Object.keys(counts)).toContainEqual(expect.stringMatching(/^an `auth` entry/));
});

describe('two transcripts differ', () => {
  it.each(changes)('in %s', (_, change) => {
    const changed = corral();
    change(changed);
    expect(difference(apache(), changed)).not.toBeNull();
    expect(difference(changed, apache())).not.toBeNull();
  });
});

describe('a sequence', () => {
  it('is the same for the same number, and another for another', () => {
    expect(generate(7, 3)).toEqual(generate(7, 3));
    expect(generate(7, 3)).not.toEqual(generate(7, 4));
    expect(generate(8, 3)).not.toEqual(generate(7, 3));
  });

  it('holds every operation sooner or later', () => {
    const seen = new Set();
    const note = (steps) =>
      steps.forEach(({ op, parts = [], steps: inner = [] }) => (seen.add(op), note(parts), note(inner)));
    for (let index = 0; index < 200; index++) note(generate(1, index).steps);
    expect([...seen].sort()).toEqual([...Object.keys(operations), 'burst', 'connect'].sort());
  });

  it('keeps failing multis for leaders of Apache', () => {
    const failing = { op: 'delete', path: '~/nowhere', version: -1 };
    expect(forApacheLeaders([{ op: 'multi', parts: [failing] }])).toEqual([{ op: 'multi', parts: [failing] }]);
  });

  it('shrinks to what makes it fail', async () => {
    const steps = generate(1, 2).steps;
    const needle = {
      s: 2,
      op: 'multi',
      parts: [
        { op: 'check', path: '~', version: 3 },
        { op: 'delete', path: '~/b', version: -1 },
      ],
    };
    const fails = (list) => list.some(({ op, parts }) => op === 'multi' && parts.some((part) => part.op === 'delete'));
    const small = await shrink(
      [...steps.filter(({ op }) => op !== 'multi'), needle, ...steps.slice(0, 4)],
      async (list) => fails(list),
    );
    expect(small).toMatchObject([{ op: 'multi', parts: [{ op: 'delete' }] }]);
  });
});
