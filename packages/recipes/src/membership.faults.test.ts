// The fault matrix of what keeps nodes alive: persistent nodes, groups and services.

import { expect } from 'vitest';
import { services } from './discovery/services.ts';
import { group } from './group.ts';
import { persistentNode } from './persistent-node.ts';
import { persistentTtlNode } from './persistent-ttl-node.ts';
import { matrix } from './testing/matrix.ts';

matrix({
  recipe: 'persistent node',
  operation: 'keep, change, close',
  run: async (stage) => {
    await using node = persistentNode(stage.zk, '/nodes/me', 'one');
    await node.ready;
    await node.set('two', { signal: stage.signal });
    await stage.eventually(() => stage.text('/nodes/me') === 'two');
  },
  check: (stage) => expect(stage.text('/nodes/me')).toBeNull(),
});

matrix({
  recipe: 'persistent node',
  operation: 'keep the number of a sequential one',
  run: async (stage) => {
    await using node = persistentNode(stage.zk, '/nodes/n-', 'one', { mode: 'ephemeralSequential' });
    await node.ready;
    const { path } = node;
    stage.server.expireSession(stage.zk);
    await stage.server.clock.settle();
    await node.set('two', { signal: stage.signal });
    expect(node.path).toBe(path);
    await stage.eventually(() => stage.text(path) === 'two');
  },
  check: (stage) => expect(stage.below('/nodes')).toEqual([]),
});

matrix({
  recipe: 'persistent TTL node',
  operation: 'keep, change, close',
  run: async (stage) => {
    const node = persistentTtlNode(stage.zk, '/ttl/me', 'one', { ttl: 5000 });
    try {
      await node.ready;
      await node.set('two', { signal: stage.signal });
      expect(stage.text('/ttl/me')).toBe('two');
    } finally {
      await node.close('now');
    }
  },
  check: (stage, _, fault) => {
    if (!fault.name.includes('denies')) expect(stage.text('/ttl/me')).toBeNull();
  },
});

matrix({
  recipe: 'group',
  operation: 'join, look, leave',
  run: async (stage) => {
    const all = group<string>(stage.zk, '/group');
    await using me = await all.join('me', 'here', { signal: stage.signal });
    for await (const { members } of group<string>(stage.other, '/group').changes({ signal: stage.signal })) {
      if (members.some(({ id, data }) => id === 'me' && data === 'here')) break;
    }
    await all.members({ signal: stage.signal });
    expect(me.path).toBe('/group/me');
  },
  check: async (stage) => expect(await group(stage.other, '/group').members()).toEqual([]),
});

matrix({
  recipe: 'discovery',
  operation: 'register, update, find, unregister',
  run: async (stage) => {
    const { zk, signal } = stage;
    await using web = await services(zk, '/services').register(
      { name: 'web', id: 'w1', port: 80, payload: 1 },
      { signal },
    );
    await web.update({ payload: 2 }, { signal });
    await using view = services(zk, '/services').of<number>('web');
    await view.ready;
    expect((await view.pick('roundRobin', { signal }))?.payload).toBe(2);
  },
  requestsMax: 60,
  check: (stage) => expect(stage.below('/services/web')).toEqual([]),
});
