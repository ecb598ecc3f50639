// Ensembles of three for a test, from nothing to the first write, one after the other: `ensemble.mjs memory|files TIMES`
// prints a line when each has its write. The first one is cold; the caller's clock has begun when it started this process.

import { startEnsemble } from '@corral/testing';

const [storage, times] = process.argv.slice(2);
const options = storage === 'files' ? { storage: 'tmp', tcp: true } : {};

for (let n = 0; n < Number(times); n++) {
  const begin = performance.now();
  const ensemble = await startEnsemble({ size: 3, ...options });
  const zk = await ensemble.connect();
  await zk.create('/first', '');
  console.log(String(performance.now() - begin));
  await zk.close();
  await ensemble.close();
}
