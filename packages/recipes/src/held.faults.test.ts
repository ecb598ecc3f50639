// The rows of the fault matrix about what is held: for everything that can be held.

import { describe, expect, it } from 'vitest';
import { LostError } from './errors.ts';
import { holders } from './testing/holders.ts';
import type { AnyHeld } from './testing/holders.ts';
import { Stage, sessionTimeout } from './testing/stage.ts';

/** The nodes of the struck client's session below a path. */
const ownNodes = (stage: Stage, path: string): string[] =>
  Object.entries(stage.server.dump())
    .filter(([each, node]) => each.startsWith(`${path}/`) && node.ephemeralOwner === stage.zk.session?.id)
    .map(([each]) => each);

function expectLost(held: AnyHeld): void {
  expect(held.signal.aborted).toBe(true);
  expect(held.signal.reason).toBeInstanceOf(LostError);
}

describe.each(holders)('what is held of $recipe', ({ path, hold }) => {
  it('is lost when an operator deletes its node, and says so', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    const own = ownNodes(stage, path);
    expect(own.length).toBeGreaterThan(0);
    for (const node of own) await stage.other.delete(node);
    await stage.server.clock.settle();
    expectLost(held);
  });

  it('is lost when its session expires, and its guarded writes fail', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    await stage.other.create('/value', 'old');
    const stale = held.guard(stage.zk.multi().set('/value', 'stale'));
    stage.server.expireSession(stage.zk);
    await stage.server.clock.advance('3s');
    expectLost(held);
    expect(stage.zk.state).toBe('connected');
    await expect(stage.until(stale.commit())).rejects.toThrow(/NoNode/);
    expect(stage.text('/value')).toBe('old');
  });

  it('is lost on the first line after the process stood still for two session timeouts', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    held.throwIfLost();
    stage.server.clock.jump(2 * sessionTimeout);
    // Nothing has run since: no timer, no event. Only the clock can tell.
    expect(() => held.throwIfLost()).toThrow(LostError);
  });

  it('is given up after two thirds of the timeout without a server, before another can have it', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    const begin = stage.server.clock.now();
    let lostAt = Infinity;
    held.signal.addEventListener('abort', () => (lostAt = stage.server.clock.now() - begin));
    stage.server.cutOff(stage.zk);
    await stage.server.clock.until(() => ownNodes(stage, path).length === 0 || held.signal.aborted, '1m');
    expectLost(held);
    expect(lostAt).toBeLessThanOrEqual(sessionTimeout);
    expect(ownNodes(stage, path).length).toBeGreaterThan(0);
    stage.server.heal();
  });

  it('is given up two thirds of the timeout after the last answer when there is no server to go to', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    await stage.until(stage.zk.sync());
    const begin = stage.server.clock.now();
    await stage.server.stop();
    await stage.server.clock.until(() => held.signal.aborted, '1m');
    expectLost(held);
    expect(stage.zk.state).toBe('suspended');
    expect(stage.server.clock.now() - begin).toBeLessThanOrEqual((2 / 3) * sessionTimeout);
    await stage.server.start();
  });

  it('is kept to the last moment when told to, and no longer', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk, 'keep'));
    const deadlineOf = (): number => stage.zk.sessionDeadline;
    stage.server.cutOff(stage.zk);
    await stage.server.clock.until(() => stage.zk.state === 'suspended', '1m');
    const deadline = deadlineOf();
    await stage.server.clock.until(() => held.signal.aborted, '1m');
    expect(stage.server.clock.now()).toBeGreaterThanOrEqual(deadline);
    expect(stage.server.clock.now()).toBeLessThanOrEqual(deadline + 1);
    stage.server.heal();
  });

  it('outlives a broken connection', async () => {
    await using stage = await Stage.open();
    const held = await stage.until(hold(stage.zk));
    stage.server.dropConnection(stage.zk);
    await stage.server.clock.advance('30s');
    expect(stage.zk.state).toBe('connected');
    expect(held.signal.aborted).toBe(false);
    held.throwIfLost();
    // And its watch is still there.
    for (const node of ownNodes(stage, path)) await stage.other.delete(node);
    await stage.server.clock.settle();
    expectLost(held);
  });
});
