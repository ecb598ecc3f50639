// Clients that want too much: memory and time must stay bounded whatever they ask for, and others must not notice.
// Apache's server is not held to the first two: it allocates what a frame announces, and queues what nobody reads.

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { equal, truthy } from '../lib/checks.mjs';
import { bool, int } from '../lib/jute.mjs';
import { Wire, body, connectRequest, frame, op } from '../lib/wire.mjs';

const megabyte = 1024 * 1024;

/** Runs work while sampling the server's memory; returns how far it rose above where it began. */
async function growth(server, work) {
  const start = (await server.usage()).rss;
  let peak = start;
  const sampler = setInterval(() => {
    server.usage().then(
      ({ rss }) => (peak = Math.max(peak, rss)),
      () => {},
    );
  }, 50);
  try {
    await work();
  } finally {
    clearInterval(sampler);
  }
  return Math.round((peak - start) / megabyte);
}

function silent(port, bytes) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  socket.write(bytes);
  return socket;
}

export const greedy = {
  'a reader that never reads 1 MB answers costs bounded memory': async ({ server, port, apache }) => {
    if (apache) return;
    const wire = await Wire.open(port);
    await wire.call(op.create, body.create('/megabyte', Buffer.alloc(1_000_000, 1)));
    const requests = Array.from({ length: 500 }, (_, at) =>
      frame(int(at + 1), int(op.getData), body.pathWatch('/megabyte')),
    );
    const sockets = [];
    const grown = await growth(server, async () => {
      const all = Buffer.concat([connectRequest({ timeout: 4000 }), ...requests]);
      for (let count = 0; count < 4; count += 1) sockets.push(silent(port, all));
      await sleep(3000);
    });
    for (const socket of sockets) socket.destroy();
    await wire.call(op.delete, body.pathVersion('/megabyte'));
    await wire.close();
    truthy(grown < 300, `2,000 unread answers of 1 MB grew the server by ${grown} MB`);
  },

  'announced but never sent frames cost nothing': async ({ server, port, apache }) => {
    if (apache) return;
    const sockets = [];
    const grown = await growth(server, async () => {
      const start = Buffer.concat([connectRequest({ timeout: 4000 }), int(1_048_575), Buffer.alloc(10)]);
      for (let count = 0; count < 200; count += 1) sockets.push(silent(port, start));
      await sleep(1500);
    });
    for (const socket of sockets) socket.destroy();
    truthy(grown < 100, `200 announced megabytes grew the server by ${grown} MB`);
  },

  'a flood of creates is answered in full': async ({ port }) => {
    const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.open(port)));
    await wires[0].call(op.create, body.create('/flood', null));
    const codes = await Promise.all(
      wires.flatMap((wire, index) =>
        Array.from({ length: 5000 }, async (_, at) => {
          const reply = await wire.request(op.create, body.create(`/flood/${index}-${at}`, Buffer.alloc(20)));
          return reply.err;
        }),
      ),
    );
    equal(
      codes.filter((err) => err !== 0),
      [],
      'errors',
    );
    await Promise.all(wires.map((wire) => wire.close()));
  },

  'a flood of watches goes with its connection': async ({ server, port }) => {
    const wire = await Wire.open(port, { timeout: 4000 });
    const replies = [];
    for (let at = 0; at < 20_000; at += 1) {
      replies.push(wire.request(op.exists, body.pathWatch(`/watched/by/nobody/${at}`, true)));
      if (at % 4 === 0) replies.push(wire.request(op.addWatch, Buffer.concat([body.path(`/w/${at}`), int(1)])));
    }
    await Promise.all(replies);
    wire.drop();
    await sleep(300);
    truthy(server.alive(), 'the server is gone');
  },

  'half a handshake left silent is closed': async ({ port }) => {
    const sockets = Array.from({ length: 20 }, (_, at) => silent(port, connectRequest().subarray(0, at * 2)));
    const ends = sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)));
    const outcome = await Promise.race([Promise.all(ends), sleep(25_000, 'open')]);
    for (const socket of sockets) socket.destroy();
    truthy(outcome !== 'open', 'still open after 25 s');
  },

  'requests sent behind a close are not carried out': async ({ port }) => {
    const wire = await Wire.open(port);
    wire.request(op.close).catch(() => {});
    wire.request(op.create, body.create('/after-close', null)).catch(() => {});
    await Promise.race([wire.closed, sleep(3000)]);
    wire.drop();
    const look = await Wire.open(port);
    equal((await look.request(op.exists, Buffer.concat([body.path('/after-close'), bool(false)]))).err, -101, 'exists');
    await look.close();
  },
};
