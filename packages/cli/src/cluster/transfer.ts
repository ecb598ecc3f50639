// corral cluster transfer-leader: asks the server that leads to let another one, and waits until one does.

import type { Endpoint } from '@corral/client';
import { askCommand } from './admin.ts';
import type { Fetch, Heard } from './admin.ts';

export interface Transfer {
  readonly from: number;
  readonly to: number;
  /** From asking to hearing of the next leader. */
  readonly ms: number;
}

const pollMs = 50;

/** The AdminServer of the leader, as the servers themselves see it. */
async function leaderAmong(
  endpoints: readonly Endpoint[],
  timeoutMs: number,
  request?: Fetch,
): Promise<{ leader: Endpoint | undefined; heard: Heard[] }> {
  const heard = await Promise.all(endpoints.map((endpoint) => askCommand(endpoint, 'leader', timeoutMs, {}, request)));
  return { leader: endpoints.find((_, i) => heard[i]?.answer?.['is_leader'] === true), heard };
}

/** Throws when no leader is found, when it refuses, and when nobody leads in time. */
export async function transferLeader(
  endpoints: readonly Endpoint[],
  authorization: string,
  timeoutMs: number,
  request?: Fetch,
): Promise<Transfer> {
  const { leader, heard } = await leaderAmong(endpoints, timeoutMs, request);
  if (leader === undefined)
    throw new Error(`no leader answers at ${heard.map(said).join(', ')}; name its AdminServer with --admin`);
  const started = performance.now();
  const init = { method: 'POST', headers: { authorization } };
  const { answer, reason } = await askCommand(leader, 'hand_over', timeoutMs, init, request);
  const from = answer?.['handed_over_by'];
  if (typeof from !== 'number')
    throw new Error(`the leader refuses: ${reason ?? answer?.error ?? 'it is no Corral server'}`);
  for (;;) {
    const asked = await Promise.all(
      endpoints.map((endpoint) => askCommand(endpoint, 'leader', timeoutMs, {}, request)),
    );
    const to = asked.map(({ answer: told }) => told?.['leader_id']).find((id) => typeof id === 'number' && id !== from);
    if (typeof to === 'number') return { from, to, ms: Math.round(performance.now() - started) };
    if (performance.now() - started > timeoutMs)
      throw new Error(`server ${from} has handed over, but nobody leads after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const said = ({ at, answer, reason }: Heard): string => `${at} (${reason ?? answer?.error ?? 'follows'})`;
