// Invariants 34 and 35: no ephemeral outlives its session, on any disk, and no session outlives its client for long. The
// sessions themselves are part of the state (22).

import type { RestoredState } from '@corral/core';
import type { Ghost } from './ghost.ts';
import { hex } from './ghost.ts';

/** Nobody has used a session for far longer than its timeout, under one leader that was free to end it. */
export function checkIdle(ghost: Ghost, sid: number, sessions: readonly bigint[], idleMs: number): void {
  if (sessions.length === 0) return;
  const facts = `${sid} still has session ${sessions[0].toString(16)}, and nobody has used it for ${idleMs} ms`;
  ghost.fail(35, 'session life', facts);
}

/** `state` as a restart would find it, before anything is tidied up. */
export function checkEphemerals(ghost: Ghost, sid: number, { tree, sessions }: RestoredState): void {
  for (const [owner, nodes] of tree.ephemeralOwners()) {
    if (nodes.size === 0 || [...sessions.values()].some(({ id }) => id === owner)) continue;
    const facts = `${sid} has ${nodes.size} ephemerals of session ${owner.toString(16)}, which has ended`;
    ghost.fail(34, 'ephemeral ownership', facts);
  }
  const ids = [...sessions.values()].map(({ id }) => id.toString(16)).sort();
  const text = ids.join(' ');
  const known = ghost.sessions.get(tree.lastZxid);
  if (known === undefined) ghost.sessions.set(tree.lastZxid, { text, sid });
  else if (known.text !== text) {
    const facts = `at ${hex(tree.lastZxid)}: sessions ${text} on ${sid}, ${known.text} on ${known.sid}`;
    ghost.fail(22, 'digest equality', facts);
  }
}
