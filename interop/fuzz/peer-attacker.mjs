// Somebody who is no member and talks to the ports between members all the same: one connection after the other, to any
// member and either port, with a recorded conversation that was damaged. What the other end says is read and thrown away,
// or not read at all.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 150;

export class PeerAttacker {
  stats = { messages: 0, connections: 0, cutOff: 0 };

  constructor({ members, random, seeds }) {
    Object.assign(this, { members, random, seeds });
  }

  async run(enough) {
    while (!enough()) {
      const port = this.random.chance(0.5) ? 'election' : 'leader';
      await this.talk(this.random.pick(this.members).ports[port], this.seeds.conversation(port), enough);
    }
  }

  async talk(port, messages, enough) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    if (this.random.chance(0.9)) socket.resume();
    const opened = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      closed,
    ]);
    if (opened !== true) return void (await sleep(20));
    this.stats.connections += 1;
    for (const message of messages) {
      if (socket.destroyed || !socket.writable || enough()) break;
      socket.write(message);
      this.stats.messages += 1;
      if (this.random.chance(0.5)) await sleep(this.random.below(4));
    }
    if (this.random.chance(0.7)) await Promise.race([closed, sleep(this.random.below(patienceMs))]);
    if (socket.destroyed) this.stats.cutOff += 1;
    socket.destroy();
  }
}
