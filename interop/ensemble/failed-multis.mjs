// A multi that fails leaves more behind at an Apache leader than anywhere else: the parts that had passed become errors in
// its memory and keep their old bodies, and so they travel to learners, into logs and back. A candidate is down when that
// happens, is up, starts again on its own log, leads with such a history, and changes places with Apache on both directories.

import { equal } from '../lib/checks.mjs';
import { Reader } from '../lib/jute.mjs';
import { Wire, body, op } from '../lib/wire.mjs';
import { Ensemble } from './ensemble.mjs';
import { allServe, syncedBy, write } from './steps.mjs';
import { sameTree } from './tree.mjs';

export async function failedMultis({ checks, name, candidate, peer }) {
  const ensemble = await Ensemble.prepare([peer, peer, candidate]);
  const failedBefore = checks.failed;
  const step = (what, work) => checks.check(`${name}: failed multis: ${candidate} ${what}`, work);
  const agree = async () => {
    await sameTree(ensemble.running);
    await allServe(ensemble.running);
  };
  try {
    await ensemble.start(1, 2);
    const late = ensemble.member(3);
    await late.start();
    await write(late, 20);
    await late.stop('SIGKILL');
    await fail(ensemble.member(1), 30);
    await step('is brought up to date across them by DIFF', async () => {
      const leader = await ensemble.leader();
      const mark = leader.logText(0).length;
      await late.start();
      equal(syncedBy(late, leader, mark), 'DIFF', 'brought up to date by');
      await agree();
    });
    await step('follows while they come, through whichever server', async () => {
      const answers = [];
      for (const member of ensemble.running) answers.push(await fail(member, 30));
      equal(new Set(answers).size, 1, 'kinds of answers');
      await agree();
    });
    await step('starts again on its own log', async () => {
      await late.stop('SIGKILL');
      await late.start();
      await agree();
    });
    await step('leads with them in its history and brings an Apache server up to date', async () => {
      await ensemble.stop('SIGTERM');
      await ensemble.start(1, 3);
      equal((await ensemble.leader()).sid, 3, 'leader');
      await fail(late, 10);
      await write(late, 40);
      await ensemble.start(2);
      await agree();
    });
    await step('takes the place of an Apache server, and Apache takes its own', async () => {
      await ensemble.stop('SIGTERM');
      ensemble.member(1).kind = candidate;
      late.kind = peer;
      await ensemble.start(1, 2, 3);
      await fail(ensemble.member(1), 10);
      await agree();
    });
  } finally {
    await ensemble.close({ keep: checks.failed > failedBefore });
  }
}

let folders = 0;

/** Sends multis that fail at each of their parts in turn, and other writes that fail; the codes of all answers as text. */
async function fail(member, count) {
  const wire = await Wire.open(member.port);
  const top = `/failing${++folders}`;
  await wire.call(op.create, body.create(top, null));
  const codes = [];
  for (let at = 0; at < count; at += 1) {
    const parts = [
      [op.create, body.create(`${top}/x`, Buffer.from('hello'))],
      [op.setData, body.setData(top, Buffer.from('changed'), -1)],
      [op.create, body.create(`${top}/s-`, Buffer.alloc(3), 2)],
      [op.delete, body.pathVersion(`${top}/x`, -1)],
    ];
    parts.splice(at % 5, 0, [op.delete, body.pathVersion('/nowhere', -1)]);
    const reply = await wire.request(op.multi, body.multi(parts));
    codes.push(reply.err, ...resultsOf(new Reader(reply.body)));
    codes.push((await wire.request(op.create, body.create(top, null))).err);
  }
  await wire.close();
  return codes.join(' ');
}

/** The codes of a multi's results when all of them are errors. */
function resultsOf(reader) {
  const codes = [];
  for (;;) {
    const [type, isDone, err] = [reader.int(), reader.bool(), reader.int()];
    if (isDone) return codes;
    codes.push(type, err, reader.int());
  }
}
