// Standing in line: the algorithm under lock, read/write lock, semaphore and election. A sequential node of ours, one
// predecessor to watch (K6), and a look at our own node before we believe that it is our turn (K3).

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { LostError } from '../errors.ts';
import { namesIn } from './children.ts';
import type { Hold, HoldOptions } from './hold.ts';
import { identityOf, readContender } from './identity.ts';
import type { Contender, IdentityOptions } from './identity.ts';
import type { LineNames } from './names.ts';
import { createOwn } from './own-node.ts';
import type { OwnNode } from './own-node.ts';
import type { AclOption } from './parents.ts';
import { join } from './paths.ts';
import { inOrder } from './sequence.ts';
import type { Ranked } from './sequence.ts';
import { Vigil } from './vigil.ts';

/** `acl` is that of all nodes that are made; `open` unless given. */
export interface LineOptions extends HoldOptions, IdentityOptions, AclOption {}

export interface LineSpec<H extends Hold = Hold> extends LineOptions {
  readonly dir: string;
  readonly names: LineNames;
  /** Whom one waits for, given the line and one's own place in it; the one directly in front unless given. */
  readonly blocker?: (line: readonly Ranked[], mine: number) => Ranked | undefined;
  /** Makes what the caller gets to hold. */
  readonly hold: (zk: Client, own: OwnNode) => H;
}

const directlyInFront = (line: readonly Ranked[], mine: number): Ranked | undefined => line[mine - 1];

/** Waits until it is our turn. */
export async function takeTurn<H extends Hold>(zk: Client, spec: LineSpec<H>, signal?: AbortSignal): Promise<H> {
  for (;;) {
    const { own, hold } = await enter(zk, spec, signal);
    try {
      if (await waitForTurn(zk, spec, own, hold, signal)) return hold;
    } catch (error) {
      hold.abandon();
      throw error;
    }
    // Our place went with its session, or may have: we begin again at the end of the line, and give this one up.
    hold.abandon();
  }
}

/** Takes the turn if nobody is in front; null otherwise, and then no trace of us is left. */
export async function tryTurn<H extends Hold>(zk: Client, spec: LineSpec<H>, signal?: AbortSignal): Promise<H | null> {
  for (;;) {
    const { own, hold } = await enter(zk, spec, signal);
    try {
      const place = await placeOf(zk, spec, own, signal);
      if (place !== 'gone' && place.blocker !== undefined) {
        await hold.release();
        return null;
      }
      if (place !== 'gone' && (await isGranted(zk, own, hold, signal))) return hold;
    } catch (error) {
      hold.abandon();
      throw error;
    }
    hold.abandon();
  }
}

/** A place at the end of the line, and what is held when its turn comes. */
async function enter<H extends Hold>(
  zk: Client,
  { dir, names, acl, hold: make, ...rest }: LineSpec<H>,
  signal?: AbortSignal,
): Promise<{ readonly own: OwnNode; readonly hold: H }> {
  const data = JSON.stringify(identityOf(rest));
  const own = await createOwn(zk, { dir, base: names.own, data, mode: 'ephemeralSequential', acl }, signal);
  const hold = make(zk, own);
  // Asked together with the line: who is first waits for one answer less.
  hold.lookAhead();
  return { own, hold };
}

/** False when the place is lost with its session. */
async function waitForTurn<H extends Hold>(
  zk: Client,
  spec: LineSpec<H>,
  own: OwnNode,
  hold: H,
  signal?: AbortSignal,
): Promise<boolean> {
  using vigil = new Vigil(zk, own.path, signal);
  for (;;) {
    const place = await placeOf(zk, spec, own, vigil.signal);
    if (place === 'gone') return false;
    if (place.blocker === undefined) return await isGranted(zk, own, hold, vigil.signal);
    await untilRung(zk, join(spec.dir, place.blocker.name), vigil);
  }
}

/** Where we stand. `gone`: our session is over, and whatever can still be seen of us is about to vanish. */
async function placeOf(
  zk: Client,
  spec: LineSpec,
  own: OwnNode,
  signal?: AbortSignal,
): Promise<{ readonly blocker: Ranked | undefined } | 'gone'> {
  const names = await namesIn(zk, spec.dir, signal);
  const line = inOrder(names, spec.names.bases);
  const mine = line.findIndex(({ name }) => name === own.name);
  if (zk.session?.id !== own.session) return 'gone';
  if (mine < 0) throw new LostError(own.path, 'deleted', 'its node was deleted while it waited');
  return { blocker: (spec.blocker ?? directlyInFront)(line, mine) };
}

/** False when the session is over, or may be. */
async function isGranted(zk: Client, own: OwnNode, hold: Hold, signal?: AbortSignal): Promise<boolean> {
  if (await hold.confirm(signal)) return true;
  const reason: unknown = hold.signal.reason;
  const wasDeleted = reason instanceof LostError && reason.cause === 'deleted';
  if (wasDeleted && zk.session?.id === own.session) throw reason;
  return false;
}

/** Waits for whatever happens to a node, or to our session. Then the line has to be looked at again. */
async function untilRung(zk: Client, path: string, vigil: Vigil): Promise<void> {
  try {
    // Reading sets the watch only if the node is there: `exists` would leave one behind on a node that never returns.
    await zk.get(path, { watch: vigil.ring, signal: vigil.signal });
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return;
    throw error;
  }
  await vigil.rung();
}

/** Everybody in line, the holder first. */
export async function contendersOf(
  zk: Client,
  dir: string,
  bases: readonly string[],
  signal?: AbortSignal,
): Promise<Contender[]> {
  const line = inOrder(await namesIn(zk, dir, signal), bases);
  const read = async ({ name }: Ranked): Promise<Contender | null> => {
    try {
      return readContender(name, (await zk.get(join(dir, name), { signal })).data);
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  };
  return (await Promise.all(line.map(read))).filter((contender) => contender !== null);
}
