// SASL DIGEST-MD5 against Apache's server: `sasl.mjs HOST:PORT`. The server knows the user bob with the password secret.

import { connect, createClient, digestMd5 } from '@corral/client';
import { equal, truthy } from '../lib/checks.mjs';
import { report } from './report.mjs';

const [address, release] = process.argv.slice(2);
const sasl = digestMd5({ username: 'bob', password: 'secret' });

await report('SASL proves an identity that owns nodes', async () => {
  const bob = await connect(address, { sasl });
  await bob.create('/bob', 'his', { acl: 'creatorAll' });
  const { acl } = await bob.getAcl('/bob');
  equal([acl[0].scheme, acl[0].id].join(), 'sasl,bob', 'owner');
  equal(await bob.getText('/bob'), 'his', 'data');
  await bob.close();
});

await report('SASL goes on after a reconnect', async () => {
  const bob = await connect(address, { sasl });
  const stranger = await connect(address);
  const refusal = await stranger.get('/bob').catch((error) => error.code);
  equal(refusal, 'NoAuth', 'a stranger');
  await stranger.close();
  await bob.close();
  const again = createClient(address, { sasl });
  equal(await again.getText('/bob'), 'his', 'data of a call that waited for the proof');
  await again.close();
});

await report('SASL with a wrong password is refused', async () => {
  const guess = digestMd5({ username: 'bob', password: 'guess' });
  const error = await connect(address, { sasl: guess, timeout: 2000 }).catch((reason) => reason);
  // The oldest servers hang up without a word.
  const expected = release === '3.4' ? 'OperationTimeout' : 'AuthFailed';
  truthy(error.code === expected, `expected ${expected}, got ${error.message ?? 'a client'}`);
});
