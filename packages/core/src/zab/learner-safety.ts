// Three rules a learner keeps whatever its leader says: what is decided is not given up, the epoch comes after its history,
// and a transaction that cannot be read, or is out of sequence, is neither logged nor skipped.

import { formatZxid } from '@corral/protocol';
import type { Epoch, Zxid } from '@corral/protocol';
import type { Zab } from './zab.ts';

/** What is known to be decided is not given up: whoever asks for that has lost it, or this server has dreamt it. */
export function keepDecided(zab: Zab, leader: number, end: Zxid): void {
  const { committed } = zab.history;
  if (end >= committed) return;
  zab.fail(
    `the history of server ${leader} ends at ${formatZxid(end)}, but ${formatZxid(committed)} is known to be ` +
      'decided: one of the two has lost what it acknowledged; nothing was changed here',
  );
}

/** History first, then the epoch: the other way round, a crash between them makes a server that looks newer than it is. */
export function enterEpoch(zab: Zab, epoch: Epoch, historyId: number, then: () => void): void {
  const write = (after: () => void): void =>
    zab.identity.accept(historyId, () => zab.writeEpoch('currentEpoch', epoch, after));
  if (zab.has('A14')) return write(then);
  if (zab.has('A16')) return write(() => zab.whenLogged(then));
  if (zab.has('A21')) return zab.secureBase(() => zab.whenLogged(() => write(then)));
  zab.whenLogged(() => write(then));
}

/** A transaction is of no known kind, or out of sequence. The message says which one it is. */
export class UnreadableTxn extends Error {
  override readonly name = 'UnreadableTxn';
}

/**
 * A log with an unreadable transaction could not be read either, and the trees would differ from then on if it were left
 * out. Apache's leaders also leave out zxids or use them twice after requests that they cannot decode. So this server leaves, waits, and asks for the whole state, which names nodes instead of what was done to them.
 */
export function refuse(zab: Zab, leader: number, { message }: UnreadableTxn): void {
  const restMs = zab.replacement.ask(zab.now);
  zab.note('error', `the leader (server ${leader}) sent what this server cannot take: ${message}`, { waitMs: restMs });
  zab.resign('it cannot follow this history', restMs);
}

/** A leader does not say why it refuses a server: an operator gets what the leader was told. */
export function whyClosed({ epochs, quorums, history }: Zab, leader: number, phase: string): string {
  const what = `the leader (server ${leader}) closed the connection (${phase})`;
  if (phase !== 'discovery' && phase !== 'synchronisation') return what;
  return (
    `${what}; its log has the reason. This server has promised epoch ${epochs.accepted}, its history ends at ` +
    `${formatZxid(history.last)} in epoch ${epochs.current}, its configuration is ${formatZxid(quorums.committed.version)}`
  );
}
