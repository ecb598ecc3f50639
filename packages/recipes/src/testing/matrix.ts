// The fault matrix: every scenario of every recipe, under every fault, at every request. A scenario registers itself with
// `matrix(...)` in the test file of its recipe.

import { describe, expect, it } from 'vitest';
import { denied, faults } from './faults.ts';
import type { MatrixFault } from './faults.ts';
import { toError } from '../errors.ts';
import { Stage } from './stage.ts';

export interface Scenario {
  readonly recipe: string;
  readonly operation: string;
  /** Makes the scene, with clients that are not struck yet. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** The operation: whatever `stage.zk` sends here is struck, one request in each run. */
  readonly run: (stage: Stage) => Promise<void>;
  /** What must hold when all is over, whatever happened. `outcome` is what `run` rejected with, or null. */
  readonly check: (stage: Stage, outcome: unknown, fault: MatrixFault) => Promise<void> | void;
  /** Failures that are right for this scenario besides those of the fault. */
  readonly mayFailWith?: (error: unknown, fault: MatrixFault) => boolean;
  /** Ephemerals that stay as long as their client; all others must be gone. */
  readonly staying?: RegExp;
  /** Requests after which a denied operation counts as a storm; 40 unless given. */
  readonly requestsMax?: number;
}

interface Result {
  readonly requests: number;
  readonly outcome: unknown;
}

const requestsMaxDefault = 40;

export function matrix(scenario: Scenario): void {
  describe(`${scenario.recipe}: ${scenario.operation}`, () => {
    it('works when nothing happens', async () => {
      const { outcome, requests } = await play(scenario, null, 0);
      expect(outcome).toBeNull();
      expect(requests).toBeGreaterThan(0);
    });
    for (const fault of [...faults, denied]) {
      it(`holds when ${fault.name}, at every request`, async () => {
        const { requests } = await play(scenario, null, 0);
        for (let nth = 1; nth <= requests; nth++) await play(scenario, fault, nth);
      });
    }
  });
}

/** One run. Fails with the number of the request that was struck in its message. */
async function play(scenario: Scenario, fault: MatrixFault | null, nth: number): Promise<Result> {
  await using stage = await Stage.open();
  try {
    await scenario.prepare?.(stage);
    await stage.server.clock.settle();
    let requests = 0;
    const { id } = stage.zk.session!;
    const stop = stage.server.on((event) => {
      if (event.type === 'request' && event.op !== 'ping' && event.op !== 'connect' && isOf(stage, event.session, id)) {
        requests++;
      }
    });
    fault?.inject(stage, nth);
    const outcome = await stage.until(
      scenario.run(stage).then(
        () => null,
        (error: unknown) => error,
      ),
    );
    const inTheOperation = requests;
    await stage.calm();
    stop();
    if (outcome !== null && !(fault?.mayFailWith(outcome, stage) ?? false)) {
      if (fault === null || scenario.mayFailWith?.(outcome, fault) !== true) throw toError(outcome);
    }
    if (fault === denied) {
      expect(requests).toBeLessThan(scenario.requestsMax ?? requestsMaxDefault);
      // What it may not delete goes with its session.
      await stage.until(stage.zk.close());
    }
    await stage.until(Promise.resolve(scenario.check(stage, outcome, fault ?? denied)));
    await stage.server.clock.advance('1s');
    checkNothingIsLeft(stage, scenario.staying);
    return { requests: inTheOperation, outcome };
  } catch (error) {
    if (fault !== null && error instanceof Error) error.message = `at request ${nth}: ${error.message}`;
    throw error;
  }
}

const isOf = (stage: Stage, session: bigint, first: bigint): boolean =>
  session === first || session === stage.zk.session?.id;

function checkNothingIsLeft(stage: Stage, staying?: RegExp): void {
  const ephemerals = Object.entries(stage.server.dump())
    .filter(([path, { ephemeralOwner }]) => ephemeralOwner !== undefined && staying?.test(path) !== true)
    .map(([path]) => path);
  expect(ephemerals).toEqual([]);
  expect(stage.server.watchers().map(({ path, kinds }) => `${kinds.join()} ${path}`)).toEqual([]);
  expect([stage.zk, stage.other].map((client) => client.stats().watches)).toEqual([0, 0]);
}
