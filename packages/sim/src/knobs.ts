// The settings of one simulation that change how much happens in how little: tiny on purpose, so that rare paths are
// walked all the time.

import type { Random } from './random.ts';

export interface Knobs {
  readonly voters: number;
  readonly observers: number;
  readonly tickMs: number;
  readonly initLimitMs: number;
  readonly syncLimitMs: number;
  /** Decided transactions a server keeps in memory: few force whole snapshots between servers. */
  readonly commitLogCount: number;
  /** Transactions between snapshots. */
  readonly snapCount: number;
  /** Log bytes before a new file; 0 for never. */
  readonly logBytesMax: number;
  /** Bytes under way on a connection before the rest counts as backlog. */
  readonly windowBytes: number;
  /** Longest ordinary delay. */
  readonly delayMaxMs: number;
  /** Bytes of data in a client's write. */
  readonly dataBytes: number;
  /** Snapshots kept; 0 for all. */
  readonly keepSnapshots: number;
  /** Clocks may run fast or slow by this. */
  readonly driftPermille: number;
  /** Transactions in an epoch before its leader makes room for the next. */
  readonly counterMax: number;
  /** Servers that are no members yet: they know the members and would like to vote. */
  readonly joiners: number;
  /** Times an administrator asks for another configuration. */
  readonly reconfigs: number;
}

export const plainKnobs: Knobs = {
  voters: 3,
  observers: 0,
  tickMs: 200,
  initLimitMs: 2000,
  syncLimitMs: 1000,
  commitLogCount: 500,
  snapCount: 100_000,
  logBytesMax: 0,
  windowBytes: 1 << 16,
  delayMaxMs: 10,
  dataBytes: 8,
  keepSnapshots: 0,
  driftPermille: 0,
  counterMax: 0xffff_ffff,
  joiners: 0,
  reconfigs: 0,
};

export function drawKnobs(random: Random): Knobs {
  const tickMs = random.pick([100, 200, 500]);
  const drawn = {
    voters: random.chance(20) ? 5 : 3,
    observers: random.chance(15) ? 1 : 0,
    tickMs,
    initLimitMs: tickMs * random.between(5, 10),
    syncLimitMs: tickMs * random.between(4, 8),
    commitLogCount: random.chance(50) ? random.below(4) : random.between(4, 20),
    snapCount: random.chance(50) ? random.between(2, 8) : 100_000,
    logBytesMax: random.chance(50) ? random.between(100, 1000) : 0,
    windowBytes: random.pick([100, 4096, 1 << 16]),
    delayMaxMs: random.pick([2, 5, 10, 30]),
    dataBytes: random.pick([4, 4, 100, 700]),
    keepSnapshots: random.pick([0, 1, 3]),
    driftPermille: random.chance(30) ? random.between(1, 100) : 0,
    counterMax: random.chance(10) ? random.between(3, 8) : 0xffff_ffff,
    reconfigs: random.chance(20) ? random.between(1, 4) : 0,
    joiners: 0,
  };
  if (drawn.reconfigs > 0) drawn.joiners = random.between(0, drawn.voters === 5 ? 1 : 2);
  // What a phase takes at the very least, with some twenty delays one after the other, must fit into its limit.
  return { ...drawn, initLimitMs: Math.max(drawn.initLimitMs, 40 * drawn.delayMaxMs) };
}

/** One line that `parseKnobs` reads back. */
export const formatKnobs = (knobs: Knobs): string =>
  Object.entries(knobs)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

export function parseKnobs(text: string, base: Knobs): Knobs {
  const knobs: Record<string, number> = { ...base };
  for (const part of text.split(',').filter((piece) => piece !== '')) {
    const [name, value] = part.split('=');
    if (!(name in base) || !/^\d+$/.test(value ?? '')) throw new TypeError(`no such knob: ${part}`);
    knobs[name] = Number(value);
  }
  return knobs as unknown as Knobs;
}
