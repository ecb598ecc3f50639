// The ways in which servers are compared. Each mode starts its servers, plays what the campaign gives it and looks at
// everything that can be seen only between sequences: whole trees, digests, directories read by the other side.

import { sameTree, readTree, compareTrees } from '../ensemble/tree.mjs';
import { forApacheLeaders } from './foreign-leader.mjs';
import { superCredential } from './pools.mjs';
import { alone, ensemble } from './targets.mjs';

/** Sequences between two looks at whole trees. */
const batch = 150;

/** Apache alone beside Corral alone; with `disk` they change directories after every batch. */
async function standalone(campaign, { disk }) {
  const targets = await Promise.all([alone('apache'), alone('corral')]);
  try {
    await campaign.regressions(targets);
    while (campaign.more()) {
      await campaign.play(targets, batch);
      if (!disk) continue;
      for (const target of targets) await changeHands(campaign, target);
      // Apache's server stays the reference.
      targets.reverse();
    }
  } finally {
    await campaign.end(targets);
  }
}

/** The other kind of server opens the directory: the same tree, every Stat included. */
async function changeHands(campaign, target) {
  const { server } = target;
  const from = server.kind;
  server.credential = superCredential;
  const to = from === 'apache' ? 'corral' : 'apache';
  await campaign.check(`${to} reads what ${from} has written`, async () => {
    const before = await readTree(server);
    await server.stop(campaign.random.pick(['SIGKILL', 'SIGTERM']));
    server.kind = to;
    target.name = `${to} alone`;
    await server.start();
    compareTrees(before, await readTree(server), `${to} on the directory of ${from}`);
  });
}

/** Apache alone beside an ensemble of both kinds; with `kills` members go, miss something and come back. */
async function mixed(campaign, { leading, kills }) {
  if (leading === 'apache' || kills) campaign.rewrite = forApacheLeaders;
  const targets = await Promise.all([alone('apache'), ensemble(leading)]);
  const { members } = targets[1].group;
  for (const member of members) member.credential = superCredential;
  try {
    await campaign.regressions(targets);
    while (campaign.more()) {
      await campaign.play(targets, kills ? Math.ceil(batch / 5) : batch);
      await campaign.check(`members of ${targets[1].name} have the same tree`, () => sameTree(members));
      if (kills) await absence(campaign, targets);
    }
  } finally {
    await campaign.end(targets);
  }
}

/** A member is killed, the others go on without it, and it comes back with its data or with nothing. */
async function absence(campaign, [reference, target]) {
  const { members } = target.group;
  const gone = campaign.random.pick(members);
  const wiped = campaign.random.chance(0.3);
  await gone.stop('SIGKILL');
  await target.group.leader();
  const others = members.filter((member) => member !== gone);
  await Promise.all(others.map((member) => member.ready()));
  const rest = { ...target, ports: others.map((member) => member.port) };
  await campaign.play([reference, rest], 10);
  await campaign.check(`server ${gone.sid} (${gone.kind}) comes back${wiped ? ' with nothing' : ''}`, async () => {
    if (wiped) gone.wipe();
    await gone.start();
    await sameTree(members);
  });
}

export const modes = {
  standalone: (campaign) => standalone(campaign, {}),
  disk: (campaign) => standalone(campaign, { disk: true }),
  'mixed:apache': (campaign) => mixed(campaign, { leading: 'apache' }),
  'mixed:corral': (campaign) => mixed(campaign, { leading: 'corral' }),
  'kills:apache': (campaign) => mixed(campaign, { leading: 'apache', kills: true }),
  'kills:corral': (campaign) => mixed(campaign, { leading: 'corral', kills: true }),
};
