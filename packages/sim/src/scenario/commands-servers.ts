// Commands that concern servers, their disks and the network between them.

import { zxidZero } from '@corral/protocol';
import { memberOf } from '../cluster.ts';
import type { Primitive } from '../disk.ts';
import type { SyncFailure } from '../sim-file.ts';
import { checkPacket, exactly, msOf, packetOf, server, servers, sidOf, time } from './command.ts';
import type { Command, Words } from './command.ts';
import { Unmet } from './stage.ts';
import type { Stage } from './stage.ts';

const primitives: readonly (Primitive | 'any')[] = [
  'any',
  'create',
  'write',
  'sync',
  'truncate',
  'rename',
  'remove',
  'syncDir',
];

function checkPrimitive({ primitive }: Words): string | undefined {
  if (primitive === undefined || primitives.some((known) => known === primitive)) return undefined;
  return `the disk has no operation ${primitive}; there are ${primitives.join(', ')}`;
}

export const serverCommands: readonly Command[] = [
  {
    usage: 'start A | start BC | start all',
    pattern: exactly(`start (?<names>${servers})`),
    act: (stage, { names }) => {
      for (const node of stage.nodes(names!)) stage.start(node);
      stage.checked();
    },
  },
  {
    usage: 'kill A: the process ends, what it wrote stays in the cache',
    pattern: exactly(`kill (?<names>${servers})`),
    act: (stage, { names }) => stage.nodes(names!).forEach((node) => stage.stop(node, 'kill')),
  },
  {
    usage: 'power A: unsynced pages and names are up to chance',
    pattern: exactly(`power (?<names>${servers})`),
    act: (stage, { names }) => stage.nodes(names!).forEach((node) => stage.stop(node, 'power')),
  },
  {
    usage: 'pause A | resume A',
    pattern: exactly(`(?<what>pause|resume) (?<names>${servers})`),
    act: (stage, { what, names }) =>
      stage.nodes(names!).forEach((node) => (what === 'pause' ? node.pause() : node.resume())),
  },
  {
    usage: 'hand over A: it lets another server lead',
    pattern: exactly(`hand over (?<name>${server})`),
    act: (stage, { name }) => stage.node(name!).process?.handOver(10 * stage.cluster.knobs.tickMs),
  },
  {
    usage: 'told AB ABCD: their configuration files name these voters from their next start on',
    pattern: exactly(`told (?<names>${servers}) (?<voters>[A-I]+)`),
    act: (stage, { names, voters }) => {
      const members = new Map(stage.nodes(voters!).map(({ sid }) => [sid, memberOf(sid, 'participant')]));
      for (const { sid } of stage.nodes(names!)) stage.cluster.told.set(sid, { version: zxidZero, members });
    },
  },
  {
    usage: 'wipe A: everything on its disk is gone',
    pattern: exactly(`wipe (?<name>${server})`),
    act: (stage, { name }) => stage.node(name!).wipe(),
  },
  {
    usage: 'elect A: runs until A leads',
    pattern: exactly(`elect (?<name>${server})`),
    act: (stage, { name }) => {
      const node = stage.node(name!);
      const leads = (): boolean => node.process?.machine?.role === 'leading' && node.process.machine.isServing;
      stage.until(leads, () => `${name} does not lead`);
    },
  },
  {
    usage: 'settle: runs until all servers that are up serve and hold the same',
    pattern: exactly('settle'),
    act: (stage) =>
      stage.until(
        () => isSettled(stage),
        () => 'the servers do not come together',
      ),
  },
  {
    usage: 'run 5s | run 200ms',
    pattern: exactly(`run (?<ms>${time})`),
    act: (stage, { ms }) => stage.run(msOf(ms!)),
  },
  {
    usage: 'clock A +3600s | clock A -3600s: somebody sets the wall clock',
    pattern: exactly(`clock (?<name>${server}) (?<sign>[+-])(?<ms>${time})`),
    act: (stage, { name, sign, ms }) => stage.node(name!).clock.stepWall(sign === '-' ? -msOf(ms!) : msOf(ms!)),
  },
];

/** All that are up serve, and have the same tree at the same place. */
function isSettled({ cluster }: Stage): boolean {
  const machines = cluster.members.flatMap(({ process }) => process?.machine ?? []);
  const [first] = machines;
  return (
    first !== undefined &&
    cluster.leaders.length === 1 &&
    machines.every((m) => m.isServing && m.applied === first.applied && m.digest === first.digest)
  );
}

export const diskCommands: readonly Command[] = [
  {
    usage: 'crash A after 3 any | crash A after 1 rename: power fails right behind the k-th operation of the disk',
    pattern: exactly(`crash (?<name>${server}) after (?<k>[1-9][0-9]*) (?<primitive>[a-zA-Z]+)`),
    check: checkPrimitive,
    act: (stage, { name, k, primitive }) =>
      stage.node(name!).disk.crashAfter(Number(k), primitive as Primitive | 'any'),
  },
  {
    usage: 'disk A fsync-fails kept|reverted|garbage [after 2]',
    pattern: exactly(`disk (?<name>${server}) fsync-fails (?<mode>kept|reverted|garbage)( after (?<skip>[0-9]+))?`),
    act: (stage, { name, mode, skip = '0' }) =>
      stage.node(name!).disk.inject({ kind: 'syncFails', skip: Number(skip), mode: mode as SyncFailure }),
  },
  {
    usage: 'disk A fails write [after 2]: an operation fails with EIO',
    pattern: exactly(`disk (?<name>${server}) fails (?<primitive>[a-zA-Z]+)( after (?<skip>[0-9]+))?`),
    check: checkPrimitive,
    act: (stage, { name, primitive, skip = '0' }) =>
      stage.node(name!).disk.inject({ kind: 'fails', primitive: primitive as Primitive, skip: Number(skip) }),
  },
  {
    usage: 'disk A full [after 100 bytes]: a write beyond comes to a short end',
    pattern: exactly(`disk (?<name>${server}) full( after (?<bytes>[0-9]+) bytes)?`),
    act: (stage, { name, bytes = '0' }) => stage.node(name!).disk.inject({ kind: 'full', bytesLeft: Number(bytes) }),
  },
  {
    usage: 'disk A stuck | disk A goes on: nothing the disk is asked for is done',
    pattern: exactly(`disk (?<name>${server}) (?<what>stuck|goes on)`),
    act: (stage, { name, what }) => {
      const lane = stage.node(name!).process?.jobs.lane;
      if (lane === undefined) throw new Unmet(`${name} is down`);
      if (what === 'stuck') lane.hold();
      else lane.release();
    },
  },
  {
    usage: 'disk A slow 2s: each operation takes so long',
    pattern: exactly(`disk (?<name>${server}) slow (?<ms>${time})`),
    act: (stage, { name, ms }) => stage.pace.slowDisk(stage.node(name!).sid, msOf(ms!)),
  },
  {
    usage: 'disk A whole: no more faults of this disk',
    pattern: exactly(`disk (?<name>${server}) whole`),
    act: (stage, { name }) => stage.node(name!).disk.heal(),
  },
  {
    usage: 'rot A log 1 flip|zero sector 0 | rot A snapshot 1 ...: a sector of the n-th oldest file changes by itself',
    pattern: exactly(
      `rot (?<name>${server}) (?<kind>log|snapshot) (?<nth>[1-9][0-9]*) (?<mode>flip|zero) sector (?<sector>[0-9]+)`,
    ),
    act: rot,
  },
];

function rot(stage: Stage, { name, kind, nth, mode, sector }: Words): void {
  const node = stage.node(name!);
  const files = [...node.disk.names.keys()]
    .filter((path) => path.startsWith(`/data/${kind}.`) && !path.endsWith('.tmp'))
    .sort((a, b) => numberOf(a) - numberOf(b));
  const path = files[Number(nth) - 1];
  if (path === undefined) throw new Unmet(`${name} has ${files.length} files of kind ${kind}`);
  node.isExcused = true;
  stage.cluster.watch.damaged(node.sid);
  node.disk.damage(path, Number(sector), mode as 'flip' | 'zero');
}

const numberOf = (path: string): number => Number.parseInt(path.slice(path.lastIndexOf('.') + 1), 16);

export const networkCommands: readonly Command[] = [
  {
    usage: 'cut A|BC: nothing passes, in both directions | cut A>BC: nothing passes from A',
    pattern: exactly(`cut (?<from>[A-I]+)(?<how>[|>])(?<to>[A-I]+)`),
    act: (stage, { from, how, to }) => {
      const { network } = stage.cluster;
      forEachPair(stage, from!, to!, (a, b) => {
        network.cut(a, b);
        if (how === '|') network.cut(b, a);
      });
    },
  },
  {
    usage: 'stall A>B: B takes nothing more from A',
    pattern: exactly(`stall (?<from>[A-I]+)>(?<to>[A-I]+)`),
    act: (stage, { from, to }) => forEachPair(stage, from!, to!, (a, b) => stage.cluster.network.stall(a, b)),
  },
  {
    usage: 'reset A|B: their connections break, what is under way is lost',
    pattern: exactly(`reset (?<from>[A-I]+)[|](?<to>[A-I]+)`),
    act: (stage, { from, to }) => forEachPair(stage, from!, to!, (a, b) => stage.cluster.network.reset(a, b)),
  },
  {
    usage: 'link A>B slow 50ms [by 2000 bytes]: each delivery takes so long, and brings no more than that',
    pattern: exactly(`link (?<from>[A-I]+)>(?<to>[A-I]+) slow (?<ms>${time})( by (?<bytes>[1-9][0-9]*) bytes)?`),
    act: (stage, { from, to, ms, bytes }) =>
      forEachPair(stage, from!, to!, (a, b) => {
        stage.pace.slowLink(a, b, msOf(ms!));
        if (bytes !== undefined) stage.cluster.network.narrow(a, b, Number(bytes));
      }),
  },
  {
    usage: 'hold A->B PROPOSAL [after 2] (A or B may be *): packets of a kind wait, and all behind them',
    pattern: exactly(`hold (?<from>${server}|[*])->(?<to>${server}|[*]) (?<packet>[A-Z]+)( after (?<pass>[0-9]+))?`),
    check: checkPacket,
    act: hold,
  },
  {
    usage: 'release: everything held goes on',
    pattern: exactly('release'),
    act: ({ cluster }) => cluster.network.release(),
  },
  {
    usage: 'heal network: links and holds are as at the beginning',
    pattern: exactly('heal network'),
    act: ({ cluster }) => {
      cluster.network.release();
      cluster.network.heal();
    },
  },
  {
    usage: 'heal: links, disks, paused servers and holds are as at the beginning',
    pattern: exactly('heal'),
    act: (stage) => {
      stage.pace.heal();
      stage.cluster.heal();
      for (const node of stage.cluster.nodes.values()) node.process?.jobs.lane.release();
    },
  },
];

function forEachPair(stage: Stage, from: string, to: string, act: (a: number, b: number) => void): void {
  for (const a of stage.nodes(from)) for (const b of stage.nodes(to)) if (a !== b) act(a.sid, b.sid);
}

function hold(stage: Stage, { from, to, packet, pass = '0' }: Words): void {
  const all = [...stage.cluster.nodes.keys()];
  const senders = from === '*' ? all : [sidOf(from)!];
  const receivers = to === '*' ? all : [sidOf(to)!];
  for (const a of senders)
    for (const b of receivers) if (a !== b) stage.cluster.network.hold(a, b, packetOf(packet), Number(pass));
}
