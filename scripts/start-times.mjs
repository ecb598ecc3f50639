// How long a test waits for its server: `node scripts/start-times.mjs`. Prints milliseconds from the call to the end of the
// first write, for a server and for ensembles in memory, first and median of twenty. Nothing fails for being slow.

import { startEnsemble, startServer } from '@corral/testing';

const rounds = 20;

async function measure(name, start) {
  const [ready, written] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const service = await start();
    ready.push(performance.now() - begun);
    const client = await service.connect();
    await client.create('/first');
    written.push(performance.now() - begun);
    await client.close();
    await service[Symbol.asyncDispose]();
  }
  const median = (values) => values.toSorted((a, b) => a - b)[rounds >> 1];
  const show = (values) => `${values[0].toFixed(1)} first, ${median(values).toFixed(1)} median`;
  console.log(`${name.padEnd(36)} ready ${show(ready)};  first write ${show(written)}`);
}

await measure('server', () => startServer());
await measure('server, TCP port', () => startServer({ tcp: true }));
await measure('ensemble of 3', () => startEnsemble({ size: 3 }));
await measure('ensemble of 3, TCP ports', () => startEnsemble({ size: 3, tcp: true }));
await measure('ensemble of 5 and an observer', () => startEnsemble({ size: 5, observers: 1 }));
await measure('ensemble of 3, virtual time', () => startEnsemble({ size: 3, clock: 'virtual' }));
