// A worker of a simulation campaign: runs ranges of seeds as it is given them and reports what it finds.

import { reproduction, runSeed } from '@corral/sim';
import { parentPort } from 'node:worker_threads';

parentPort.on('message', ({ from, to, knobs, defects, stopsAtFirst }) => {
  const found = [];
  let seed = from;
  for (; seed < to; seed++) {
    const violation = judge(seed, { defects, knobs });
    // What breaks without the defect was not broken by it.
    if (violation === undefined || (defects.length > 0 && judge(seed, { knobs }) !== undefined)) continue;
    found.push({ seed, ...violation, again: reproduction(seed, { defects, knobs }) });
    parentPort.postMessage({ kind: 'violation', ...found.at(-1) });
    if (!stopsAtFirst) continue;
    seed++;
    break;
  }
  parentPort.postMessage({ kind: 'done', seeds: seed - from, found });
});

function judge(seed, options) {
  try {
    const { verdict, message } = runSeed(seed, options);
    return verdict === 'pass' ? undefined : { verdict, message };
  } catch (error) {
    return { verdict: 'exception', message: error.stack };
  }
}
