import { EnsembleConfigError, parseEnsembleConfig } from '@corral/protocol';
import { expect, test } from 'vitest';
import { nextConfig } from './reconfiguration.ts';

const two = parseEnsembleConfig('server.1=a:1:2;3\nserver.2=b:1:2;3');
const nothing = { joining: null, leaving: null, newMembers: null };

test('a request that changes nothing leads to the same members, as in ZooKeeper', () => {
  for (const empty of [nothing, { joining: '', leaving: '', newMembers: '' }])
    expect([...nextConfig(two, empty).members]).toEqual([...two.members]);
});

test('changes of an ensemble with groups need the whole list', () => {
  const grouped = parseEnsembleConfig('server.1=a:1:2;3\nserver.2=b:1:2;3\ngroup.1=1:2');
  expect(() => nextConfig(grouped, nothing)).toThrow(EnsembleConfigError);
});
