// What cannot be meant is refused where it comes in, in words that say what would do.

import { describe, expect, it } from 'vitest';
import { parseAddress } from './connection-string.ts';
import { ConnectError } from './errors.ts';
import { connect, createClient } from './node.ts';
import { FakeEnsemble } from './testing/fake-ensemble.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { rejection, setUp, start } from './testing/setup.ts';

describe('an address', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['', 'no host'],
    ['/app', 'no host'],
    ['h1,,h2', 'a host is missing beside a comma'],
    ['h1,', 'a host is missing'],
    [',h1', 'a host is missing'],
    ['h 1', 'is not a host name'],
    ['h1:2181 h2:2181', 'neither host:port'],
    ['h\u00011', 'is not a host name'],
    ['h1;h2', 'is not a host name'],
    ['user@h1', 'is not a host name'],
    ['h1?tls=1', 'is not a host name'],
    ['h1/app?tls=1', 'options need the form zk://'],
    ['-h1', 'is not a host name'],
    ['h1..example', 'is not a host name'],
    ['256.1.1.1', 'is not a host name or address'],
    ['1.2.3', 'is not a host name or address'],
    ['127.0.0.1:2181:2182', 'neither host:port nor an IPv6 address'],
    ['a:1:2', 'neither host:port nor an IPv6 address'],
    ['::1::', 'neither host:port nor an IPv6 address'],
    ['1:2:3:4:5:6:7:8:9', 'neither host:port nor an IPv6 address'],
    ['[::1', 'no address in brackets'],
    ['[]', 'no address in brackets'],
    ['[localhost]', 'is not an IPv6 address'],
    ['[::1]2181', 'no address in brackets'],
    ['h1:', 'no valid port'],
    ['h1:0', 'no valid port'],
    ['h1:65536', 'no valid port'],
    ['h1:0x10', 'no valid port'],
    ['h1:-1', 'no valid port'],
    [':2181', 'no host'],
    ['h1//app', 'chroot'],
    ['h1/a/../b', 'chroot'],
    ['http://h1', 'is not zk://'],
    ['zk://', 'no host'],
    ['zk://%zz:p@h1', 'credentials'],
    ['zk://user@h1', 'credentials'],
    ['zk+srv://a b', 'not the name of a service'],
  ];
  it.each(wrong)('"%s" is refused: %s', (address, words) => {
    expect(() => parseAddress(address)).toThrow(TypeError);
    expect(() => parseAddress(address)).toThrow(words);
  });

  const right = [
    'h1',
    ' h1:2181 , h2 ',
    'zoo_1.example.com.',
    'bücher.example:1',
    '127.0.0.1',
    '::1',
    '::',
    'fe80::1%eth0',
    '[fe80::1%eth0]:2181',
    '[::ffff:10.0.0.1]:2181',
    '1:2:3:4:5:6:7:8',
    'h1/app?what',
    'zk://u%40x:p%3Aw@h1/app?tls=1',
  ];
  it.each(right)('"%s" is taken', (address) => {
    expect(parseAddress(address).endpoints.length).toBeGreaterThan(0);
  });
});

describe('an option', () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ sesionTimeout: 1 }, 'a client has no option "sesionTimeout"; did you mean "sessionTimeout"?'],
    [{ nonsense: 1 }, 'a client has no option "nonsense"'],
    [{ sessionTimeout: 0 }, 'sessionTimeout is a number of milliseconds'],
    [{ sessionTimeout: NaN }, 'not NaN'],
    [{ sessionTimeout: '10s' }, 'not "10s"'],
    [{ sessionTimeout: 2 ** 31 }, 'to 2147483647'],
    [{ sessionTimeout: null }, 'not null'],
    [{ callTimeout: -1 }, 'callTimeout is a number of milliseconds, or Infinity'],
    [{ attemptTimeout: NaN }, 'attemptTimeout'],
    [{ readOnly: true }, "readOnly is 'refuse' or 'allow', not true"],
    [{ sessionRecovery: 'never' }, "sessionRecovery is 'renew' or 'fail'"],
    [{ retry: 100 }, 'retry is a function'],
    [{ offlineQueue: true }, 'offlineQueue is false, or an object'],
    [{ auth: 'digest:u:p' }, 'auth is an array'],
    [{ idempotent: 'yes' }, 'idempotent is true or false'],
    [{ maxReplyBytes: 0 }, 'maxReplyBytes is a positive number of bytes'],
  ];
  it.each(wrong)('%j is refused: %s', async (options, words) => {
    expect(() => createClient('a', options)).toThrow(words);
    expect(await rejection(connect('a', options))).toBeInstanceOf(TypeError);
  });

  it('of connect is refused likewise', async () => {
    for (const timeout of [NaN, -1, '5s' as unknown as number])
      expect(await rejection(connect('a', { timeout }))).toBeInstanceOf(TypeError);
  });

  it('of a call: a limit that is none, and one beyond every timer', async () => {
    const { client, clock } = await setUp();
    for (const timeout of [NaN, -1, '5' as unknown as number])
      expect(await rejection(client.get('/a', { timeout }))).toBeInstanceOf(TypeError);
    for (const timeout of [2 ** 31, 2 ** 53, Infinity])
      expect((await client.get('/a', { timeout })).hasData).toBe(true);
    await clock.settle();
    await client.close();
  });
});

describe('connect', () => {
  /** As Node's sockets and resolver put it. */
  const failure = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

  it('gives up at once when every server has refused, and says what that means', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', failure('ECONNREFUSED')).set('b', failure('ENOTFOUND'));
    const clock = new ManualClock();
    const verdict = rejection(connect('a,b', { transport: ensemble, clock }));
    await clock.advance(100);
    const error = await verdict;
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: 'ConnectFailed' });
    expect(error.message).toContain('a:2181: connect ECONNREFUSED (nothing listens there');
    expect(error.message).toContain('b:2181: connect ENOTFOUND (there is no host of this name)');
  });

  it('waits for a server that is silent beside one that refuses', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', failure('ECONNREFUSED')).set('b', 'accepts and says nothing');
    const clock = new ManualClock();
    const verdict = rejection(connect('a,b', { transport: ensemble, clock }));
    let isOver = false;
    void verdict.then(() => (isOver = true));
    await clock.advance(29_000);
    expect(isOver).toBe(false);
    await clock.advance(1000);
    expect(await verdict).toMatchObject({ code: 'OperationTimeout' });
  });

  it('with a time limit tries until that is over, and is in time for a server that starts late', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', failure('ECONNREFUSED'));
    const { client, clock } = start(ensemble, 'a');
    const verdict = rejection(client.connect({ timeout: 5000 }));
    await clock.advance(5000);
    expect(await verdict).toMatchObject({ code: 'ConnectFailed' });
    const late = client.connect({ timeout: 60_000 });
    ensemble.manners.delete('a');
    await clock.advance(60_000);
    await late;
    await client.close();
  });
});
