// Invariant 45: the same seed does the same in another process, whatever that process has done before.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runSeed } from '@corral/sim';

const seeds = [3, 42, 1234, 9876];

describe('a seed', () => {
  it('has the same trace in a fresh process', async () => {
    const here = seeds.map((seed) => runSeed(seed).trace);
    const index = new URL('../dist/index.js', import.meta.url).href;
    // From the last to the first: what was run before must not matter.
    const script = `
      import { runSeed } from ${JSON.stringify(index)};
      const traces = ${JSON.stringify([...seeds].reverse())}.map((seed) => runSeed(seed).trace);
      console.log(JSON.stringify(traces.reverse()));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual(here);
  });

  it('uses no clock and no chance of the machine', () => {
    const { now } = Date;
    const { random } = Math;
    const forbidden = (): never => {
      throw new Error('the simulation asked the machine');
    };
    Object.assign(Date, { now: forbidden });
    Object.assign(Math, { random: forbidden });
    try {
      for (const seed of seeds) expect(runSeed(seed).verdict).toBe('pass');
    } finally {
      Object.assign(Date, { now });
      Object.assign(Math, { random });
    }
  });
});
