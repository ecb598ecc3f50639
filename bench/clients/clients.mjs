// The clients that are compared, behind one small interface: `open(address)` gives `get`, `set`, `create` and `close`.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const data = Buffer.alloc(128, 'x');

export const clients = {
  async corral(address) {
    const { connect } = await import('@corral/client');
    const client = await connect(address);
    return {
      get: (path) => client.get(path),
      set: (path) => client.set(path, data),
      create: (path) => client.create(path, data),
      close: () => client.close(),
    };
  },

  async 'node-zookeeper-client'(address, home) {
    const zookeeper = createRequire(join(home, 'package.json'))('node-zookeeper-client');
    const client = zookeeper.createClient(address);
    const connected = new Promise((resolve) => client.once('connected', resolve));
    client.connect();
    await connected;
    const promised = (start) =>
      new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
    return {
      get: (path) => promised((done) => client.getData(path, done)),
      set: (path) => promised((done) => client.setData(path, data, -1, done)),
      create: (path) => promised((done) => client.create(path, data, done)),
      close: async () => client.close(),
    };
  },

  /** The native one. */
  async zookeeper(address, home) {
    const ZooKeeper = createRequire(join(home, 'package.json'))('zookeeper');
    const client = new ZooKeeper();
    const connected = new Promise((resolve) => client.once('connect', resolve));
    client.init({ connect: address, timeout: 10_000, debug_level: ZooKeeper.constants.ZOO_LOG_LEVEL_ERROR });
    await connected;
    return {
      get: (path) => client.get(path, false),
      set: (path) => client.set(path, data, -1),
      create: (path) => client.create(path, data, 0),
      close: async () => client.close(),
    };
  },
};
