// Plays a sequence against every target at the same time and says where their transcripts first part.

import { show } from '../lib/checks.mjs';
import { accepted, normalise } from './normal.mjs';
import { Player } from './player.mjs';

let folders = 0;

/** Folders sort and measure alike, so that they are the same text for all targets and all runs of a sequence. */
const folder = () => `/d${String(++folders).padStart(7, '0')}`;

/** Plays these steps in a fresh folder everywhere; null, or { what, first, second, ... } of the first difference. */
export async function compare(targets, steps, counts = {}) {
  const base = folder();
  const runs = await Promise.all(
    targets.map(async (target) => {
      try {
        return normalise(await new Player(target, base).play(steps));
      } catch (error) {
        return { broken: error.stack };
      }
    }),
  );
  for (const [at, run] of runs.entries()) {
    const names = { one: targets[0].name, other: targets[at].name, base };
    if (run.broken) return { ...names, what: 'the run broke', first: '', second: run.broken };
    if (at === 0) continue;
    const difference = differ(runs[0], run, counts);
    if (difference) return { ...names, ...difference };
  }
  counts.sequences = (counts.sequences ?? 0) + 1;
  return null;
}

/** The first difference of two normalised transcripts, null when there is none that is not accepted. */
export function differ(one, other, counts) {
  for (const [at, line] of one.lines.entries()) {
    const found = parted(line.entries, other.lines[at]?.entries ?? [], counts);
    if (found) return { what: `what connection ${line.name} received`, ...found };
  }
  const found = parted(one.tree, other.tree, counts);
  return found && { what: 'the tree afterwards', ...found };
}

function parted(one, other, counts) {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [first, second] = [show(one[at]), show(other[at])];
    counts.entries = (counts.entries ?? 0) + 1;
    if (first === second) continue;
    const reason = one[at] && other[at] && accepted.find(([, shows]) => shows(one[at], other[at]));
    if (!reason) return { at: one[at]?.at ?? other[at]?.at, first, second };
    counts[reason[0]] = (counts[reason[0]] ?? 0) + 1;
  }
  return null;
}
