// Standing in line: the algorithm under lock, read/write lock, semaphore and election. A sequential node of ours, one
// predecessor to watch (K6), and our own node seen in the list, under the session that made it, before we believe that it
// is our turn (K3).

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { LostError } from '../errors.ts';
import { namesIn } from './children.ts';
import type { Hold, HoldOptions } from './hold.ts';
import { identityOf, readContender } from './identity.ts';
import type { Contender, IdentityOptions } from './identity.ts';
import type { LineNames } from './names.ts';
import { abandon, createOwn } from './own-node.ts';
import type { OwnNode } from './own-node.ts';
import type { AclOption } from './parents.ts';
import { patient } from './patience.ts';
import { join } from './paths.ts';
import { inOrder, sequenceMax, sequenceOf } from './sequence.ts';
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

/** A place in line that is ours. */
interface Place<H extends Hold> {
  readonly own: OwnNode;
  readonly hold: H;
  /** The line as it was asked for together with the create. */
  readonly names: Promise<readonly string[]>;
}

/** Waits until it is our turn. Whoever stands in line outlasts an outage; getting there takes no longer than a call may. */
export async function takeTurn<H extends Hold>(client: Client, spec: LineSpec<H>, signal?: AbortSignal): Promise<H> {
  const zk = patient(client);
  for (let entering = client; ; entering = zk) {
    const place = await enter(entering, spec, signal);
    try {
      if (await waitForTurn(zk, spec, place, signal)) return place.hold;
    } catch (error) {
      place.hold.abandon();
      throw error;
    }
    // Our place went with its session, or may have: we begin again at the end of the line, and give this one up.
    place.hold.abandon();
  }
}

/** Takes the turn if nobody is in front; null otherwise, and then no trace of us is left. */
export async function tryTurn<H extends Hold>(zk: Client, spec: LineSpec<H>, signal?: AbortSignal): Promise<H | null> {
  for (;;) {
    const { own, hold, names } = await enter(zk, spec, signal);
    try {
      const where = await whereIs(zk, spec, own, names, signal);
      if (where !== 'gone' && where.blocker !== undefined) {
        await hold.release();
        return null;
      }
      if (where !== 'gone' && hold.confirmSeen()) return hold;
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
  { dir, names, acl, hold, ...rest }: LineSpec<H>,
  signal?: AbortSignal,
): Promise<Place<H>> {
  const data = JSON.stringify(identityOf(rest));
  const creating = createOwn(zk, { dir, base: names.own, data, mode: 'ephemeralSequential', acl }, signal);
  // Right behind the create, which a session carries out first: whoever finds nobody in front waits for one answer only.
  const listing = namesIn(patient(zk), dir, signal);
  listing.catch(() => undefined); // it is looked at later, or there is no place to look for
  const own = await creating;
  if (sequenceOf(own.name, names.own) === sequenceMax) {
    abandon(zk, own);
    throw new Error(`${dir}: its sequence numbers are used up; delete it while nobody is in line, and it begins anew`);
  }
  return { own, hold: hold(zk, own), names: listing };
}

/** False when the place is lost with its session. */
async function waitForTurn<H extends Hold>(
  zk: Client,
  spec: LineSpec<H>,
  { own, hold, names }: Place<H>,
  signal?: AbortSignal,
): Promise<boolean> {
  using vigil = new Vigil(zk, own.path, signal);
  for (let known: Promise<readonly string[]> | null = names; ; known = null) {
    const where = await whereIs(zk, spec, own, known, vigil.signal);
    if (where === 'gone') return false;
    if (where.blocker === undefined) return hold.confirmSeen();
    await untilRung(zk, join(spec.dir, where.blocker.name), vigil);
  }
}

/**
 * Where we stand. `gone`: our session is over, and whatever can still be seen of us is about to vanish. A list that does
 * not have us yet is older than our node, and not believed.
 */
async function whereIs(
  zk: Client,
  spec: LineSpec,
  own: OwnNode,
  known: Promise<readonly string[]> | null,
  signal?: AbortSignal,
): Promise<{ readonly blocker: Ranked | undefined } | 'gone'> {
  let names = await known;
  if (names?.includes(own.name) !== true) names = await namesIn(zk, spec.dir, signal);
  const line = inOrder(names, spec.names.bases);
  const mine = line.findIndex(({ name }) => name === own.name);
  if (zk.session?.id !== own.session) return 'gone';
  if (mine < 0) throw new LostError(own.path, 'deleted', 'its node was deleted while it waited');
  return { blocker: (spec.blocker ?? directlyInFront)(line, mine) };
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
