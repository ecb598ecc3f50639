// Invariants 27 and 28: a session is answered in the order in which it asked, by servers that are never behind what it has
// seen, whichever server answers.

import type { Ghost } from './ghost.ts';
import { hex } from './ghost.ts';

/** `asked`: the request that waits longest, and the last zxid that the client has seen. */
export function checkAnswer(
  ghost: Ghost,
  client: number,
  asked: { readonly xid: number; readonly seen: number },
  answer: { readonly xid: number; readonly zxid: number },
): void {
  if (answer.zxid < asked.seen) {
    const facts = `client ${client} has seen ${hex(asked.seen)} and is answered from ${hex(answer.zxid)}`;
    ghost.fail(28, 'monotonic reads', facts);
  }
  if (answer.xid === asked.xid) return;
  ghost.fail(27, 'session order', `client ${client} asked ${asked.xid} and is answered ${answer.xid}`);
}
