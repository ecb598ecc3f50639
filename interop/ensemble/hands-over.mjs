// A Corral leader hands over to the other Corral server while an Apache server follows: clients of the two stay connected,
// the Apache server finds the new leader as it always does, and nobody minds the packets that only Corral knows.

import { equal } from '../lib/checks.mjs';
import { Wire, body, op } from '../lib/wire.mjs';
import { Ensemble } from './ensemble.mjs';
import { allServe, write } from './steps.mjs';
import { sameTree } from './tree.mjs';

export async function handsOver({ checks, name, candidate, peer }) {
  if (candidate !== 'corral') return;
  const ensemble = await Ensemble.prepare([peer, candidate, candidate], { portInLine: true });
  const failedBefore = checks.failed;
  try {
    await checks.check(`${name}: a leader hands over, an Apache server follows`, () => handOverTwice(ensemble));
  } finally {
    await ensemble.close({ keep: checks.failed > failedBefore });
  }
}

async function handOverTwice(ensemble) {
  await ensemble.start();
  const wires = [];
  try {
    for (const sid of [2, 3]) wires.push(await Wire.open(ensemble.member(sid).port));
    await wires[0].call(op.create, body.create('/before', null));
    for (let round = 1; round <= 2; round += 1) {
      const leader = await leads(ensemble);
      await transfer(leader);
      const next = await leads(ensemble);
      equal(next.sid, leader.sid === 2 ? 3 : 2, 'leader');
      // The same connections, which answer in the same sessions.
      for (const [at, wire] of wires.entries())
        await wire.call(op.create, body.create(`/after-${round}-${at}`, Buffer.from('x'), 1));
      for (const member of ensemble.members) await member.ready();
      for (const member of ensemble.members) await write(member, 20);
    }
    await sameTree(ensemble.running);
    await allServe(ensemble.running);
  } finally {
    for (const wire of wires) await wire.close();
  }
}

/** The Corral server that leads; an Apache one is made to follow by starting it again. */
async function leads(ensemble) {
  const leader = await ensemble.leader();
  if (leader.kind === 'corral') return leader;
  await leader.stop('SIGKILL');
  const next = await ensemble.leader();
  await leader.start();
  return next;
}

async function transfer({ adminPort }) {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/commands/hand_over`, {
    method: 'POST',
    headers: { authorization: 'ip' },
  });
  if (!answer.ok) throw new Error(`hand_over: ${answer.status} ${await answer.text()}`);
}
