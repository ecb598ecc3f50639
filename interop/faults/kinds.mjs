// The faults, by name. Each is done to a whole cluster and returns how it is undone; `outage` says that no majority is
// left meanwhile, so that nothing can be accepted before it is undone.

import { setTimeout as sleep } from 'node:timers/promises';

const minority = ({ members }) => Math.floor((members.length - 1) / 2);
export const shuffle = (random, list) =>
  list
    .map((item) => [random.next(), item])
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
const ids = (members) => members.map(({ sid }) => sid);

async function leaderOf(cluster) {
  return cluster.leader();
}

async function followerOf(cluster, random) {
  const leader = await cluster.leader();
  return random.pick(cluster.others(leader));
}

const killed = (who, how = 'SIGKILL') => ({
  async strike(cluster, random) {
    const victim = await who(cluster, random);
    await victim.stop(how);
    return { victims: [victim], undo: () => victim.launch() };
  },
});

/** SIGTERM and start again at once, as in a rolling restart. */
const restarted = (who) => ({ ...killed(who, 'SIGTERM'), holdMs: 0 });

const frozen = (who) => ({
  async strike(cluster, random) {
    const victim = await who(cluster, random);
    await victim.freeze();
    return { victims: [victim], undo: () => victim.thaw() };
  },
});

const parted = (choose, cut) => ({
  async strike(cluster, random) {
    const victims = await choose(cluster, random);
    const others = cluster.members.filter((member) => !victims.includes(member));
    await cut(cluster.network, ids(victims), ids(others));
    return { victims, undo: () => cluster.network.heal() };
  },
});

const both = (network, some, others) => network.part(some, others);
const mute = async (network, some, others) => {
  for (const from of some) for (const to of others) await network.cutOneWay(from, to);
};
const deaf = (network, some, others) => mute(network, others, some);
const alone = (who) => async (cluster, random) => [await who(cluster, random)];

/** The leader and as many others as still make no majority. */
async function leaderSide(cluster, random) {
  const leader = await cluster.leader();
  return [leader, ...shuffle(random, cluster.others(leader)).slice(0, minority(cluster) - 1)];
}

export const kinds = {
  'kill -9 the leader': killed(leaderOf),
  'kill -9 a follower': killed(followerOf),
  'kill -9 all': {
    outage: true,
    async strike(cluster) {
      await cluster.stop('SIGKILL');
      return { victims: cluster.members, undo: () => cluster.members.forEach((member) => member.launch()) };
    },
  },
  'kill -9 a majority': {
    outage: true,
    async strike(cluster, random) {
      const victims = shuffle(random, cluster.members).slice(minority(cluster));
      await Promise.all(victims.map((victim) => victim.stop('SIGKILL')));
      return { victims, undo: () => victims.forEach((victim) => victim.launch()) };
    },
  },
  'restart the leader': restarted(leaderOf),
  'restart a follower': restarted(followerOf),
  'stop and continue the leader': frozen(leaderOf),
  'stop and continue a follower': frozen(followerOf),
  'leader cut off': parted(leaderSide, both),
  'follower cut off': parted(alone(followerOf), both),
  'leader not heard': parted(leaderSide, mute),
  'leader hears nobody': parted(leaderSide, deaf),
  'follower not heard': parted(alone(followerOf), mute),
  'follower hears nobody': parted(alone(followerOf), deaf),
  'everybody cut off': {
    outage: true,
    async strike({ members, network }) {
      for (const [at, { sid }] of members.entries()) await network.part([sid], ids(members.slice(at + 1)));
      return { victims: members, undo: () => network.heal() };
    },
  },
  bridge: {
    async strike(cluster, random) {
      const [middle, ...rest] = shuffle(random, cluster.members);
      const [left, right] = [rest.slice(0, rest.length / 2), rest.slice(rest.length / 2)];
      await cluster.network.part(ids(left), ids(right));
      return { victims: [middle], undo: () => cluster.network.heal() };
    },
  },
  'full disk': {
    async strike(cluster) {
      const victim = cluster.last;
      victim.stopping = true;
      await cluster.fillDisk();
      return { victims: [victim], undo: () => recover(cluster, victim) };
    },
  },
};

/** A server whose disk was full ends itself; one that does not is stopped. Then it starts on what it has. */
async function recover(cluster, victim) {
  for (let tries = 0; tries < 50 && victim.running; tries += 1) await sleep(100);
  const ended = !victim.running;
  await victim.stop('SIGKILL');
  await cluster.freeDisk();
  victim.launch();
  return ended ? 'it had ended itself' : 'it was still running after 5 s';
}
