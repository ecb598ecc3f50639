import { expect, test } from 'vitest';
import { authorizationOf } from './admin.ts';
import type { Fetch } from './admin.ts';
import { transferLeader } from './transfer.ts';

const endpoints = [1, 2, 3].map((n) => ({ host: `zk${n}`, port: 8080 }));
const nobody = 'ip';

/** AdminServers of three servers; server 3 leads until it is asked to hand over, then server 2. */
function ensemble(answerOfLeader: object = { handed_over_by: 3, error: null }): { request: Fetch; posted: string[] } {
  let leads = 3;
  const posted: string[] = [];
  const request: Fetch = (url, { method, headers }) => {
    const id = Number(/zk(\d)/.exec(url)?.[1]);
    if (method === 'POST') {
      posted.push(`${url} ${(headers as Record<string, string>)['authorization'] ?? ''}`);
      if ('handed_over_by' in answerOfLeader) leads = 2;
      return Promise.resolve(Response.json(answerOfLeader));
    }
    return Promise.resolve(Response.json({ is_leader: id === leads, leader_id: leads, error: null }));
  };
  return { request, posted };
}

test('the leader is asked, and the next one is named', async () => {
  const { request, posted } = ensemble();
  expect(await transferLeader(endpoints, nobody, 1000, request)).toMatchObject({ from: 3, to: 2 });
  expect(posted).toEqual(['http://zk3:8080/commands/hand_over ip']);
});

test('the first identity of the command line asks, or that of the address', async () => {
  const nobodyThere = { credentials: null };
  const target = { auth: [{ scheme: 'digest', id: 'super:x' }] };
  expect(authorizationOf({ target }, nobodyThere)).toBe('digest super:x');
  expect(authorizationOf({ target: { auth: [] } }, { credentials: 'super:y' })).toBe('digest super:y');
  expect(authorizationOf({ target: { auth: [] } }, nobodyThere)).toBe('ip');
  const { request, posted } = ensemble();
  await transferLeader(endpoints, 'digest super:x', 1000, request);
  expect(posted[0]).toMatch(/digest super:x$/);
});

test('a refusal is told in the words of the server', async () => {
  const { request } = ensemble({ error: 'Not authorized' });
  await expect(transferLeader(endpoints, nobody, 1000, request)).rejects.toThrow('Not authorized');
});

test('without a leader among those asked, what each said is told', async () => {
  const { request } = ensemble();
  await expect(transferLeader(endpoints.slice(0, 2), nobody, 1000, request)).rejects.toThrow(
    'no leader answers at zk1:8080 (follows), zk2:8080 (follows)',
  );
});
