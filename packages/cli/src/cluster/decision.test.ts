import { expect, test } from 'vitest';
import { parseAddress } from '@corral/client';
import { UsageError } from '../exit-codes.ts';
import { adminAddresses, askCommand } from './admin.ts';
import { bestAnswer, decisionText } from './decision.ts';

const full = {
  zxid: '0x100000002',
  asked_server: 3,
  prepare: { proposed_by: 3, at: 1000 },
  accept: [
    { accepted_by: 3, at: 1001, after_ms: 1.2 },
    { accepted_by: 1, at: 1002, after_ms: 2 },
  ],
  decide: { at: 1002, after_ms: 2.1 },
};
const partial = { ...full, asked_server: 1, accept: [full.accept[1]] };
const heard = (answer: object | null) => ({ at: 'x', answer: answer as never, reason: null });

test('of several answers the one that knows most is shown', () => {
  const answers = [heard(null), heard({ error: 'nothing is remembered' }), heard(partial), heard(full)];
  expect(bestAnswer(answers)).toBe(full);
  expect(bestAnswer(answers.slice(0, 2))).toBeNull();
});

test('the three phases stand in order, with who and when', () => {
  expect(decisionText(full).split('\n')).toEqual([
    '0x100000002, as server 3 saw it',
    'prepare  proposed by server 3      1970-01-01T00:00:01.000Z',
    'accept   durable on server 3       1970-01-01T00:00:01.001Z  +1.2 ms',
    'accept   durable on server 1       1970-01-01T00:00:01.002Z  +2 ms',
    'decide   a quorum has accepted it  1970-01-01T00:00:01.002Z  +2.1 ms',
    '',
  ]);
  expect(decisionText({ ...full, decide: null })).toContain('not decided');
});

test('AdminServers are those named, or port 8080 of each host', () => {
  const address = parseAddress('zk1:2181,zk2:2181,zk1:2182');
  expect(adminAddresses(undefined, address)).toEqual([
    { host: 'zk1', port: 8080 },
    { host: 'zk2', port: 8080 },
  ]);
  expect(adminAddresses('[::1]:8081,zk9', address)).toEqual([
    { host: '::1', port: 8081 },
    { host: 'zk9', port: 8080 },
  ]);
  expect(() => adminAddresses('a b', address)).toThrow(UsageError);
});

test('an AdminServer that is not there is a fact with a reason', async () => {
  const refused = () =>
    Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }));
  expect(await askCommand({ host: '::1', port: 1 }, 'leader', 100, {}, refused)).toEqual({
    at: '[::1]:1',
    answer: null,
    reason: 'nothing listens there',
  });
});
