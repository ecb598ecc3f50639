// Asks a server, on a connection of its own, whether it takes writes: four letters, answered `rw` or `ro`.

import type { Clock } from './clock.ts';
import type { Link, Target, Transport } from './transport.ts';

const question = new Uint8Array([0x69, 0x73, 0x72, 0x6f]); // isro

/** True when the server says that it takes writes; any trouble counts as no. */
export function takesWrites(transport: Transport, clock: Clock, target: Target, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const finish = (verdict: boolean): void => {
      cancel();
      link.close();
      resolve(verdict);
    };
    const link: Link = transport.open(target, {
      opened: () => link.send(question),
      received(bytes) {
        answer += String.fromCharCode(...bytes.subarray(0, 2));
        if (answer.length >= 2) finish(answer.startsWith('rw'));
      },
      closed: () => finish(false),
    });
    const cancel = clock.after(timeoutMs, () => finish(false), 'released');
  });
}
