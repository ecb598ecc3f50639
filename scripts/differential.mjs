// npm run test:differential: random sequences of requests to Apache's server, to Corral and to ensembles of both; every
// answer, event, tree and directory must be the same. A sequence that is answered differently is shrunk and printed.
//
//   node scripts/differential.mjs [--sequences 2000] [--seed N] [--minutes M] [--mode standalone,disk,mixed,kills]
//     [--lanes 4] [--replay SEED:INDEX or FILE.json]

import { readFileSync } from 'node:fs';
import { Campaign } from '../interop/differential/campaign.mjs';
import { generate } from '../interop/differential/generate.mjs';
import { modes } from '../interop/differential/modes.mjs';
import { Checks } from '../interop/lib/checks.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    sequences: { type: 'string', default: '2000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_003}` },
    minutes: { type: 'string', default: '600' },
    mode: { type: 'string', default: 'standalone,disk,mixed,kills' },
    lanes: { type: 'string', default: '4' },
    replay: { type: 'string' },
  },
});

/** What part of the sequences a mode gets, beside others. */
const shares = { standalone: 4, disk: 2, 'mixed:apache': 1, 'mixed:corral': 1, 'kills:apache': 1, 'kills:corral': 1 };

const wanted = values.mode.split(',');
const chosen = Object.keys(modes).filter((name) => wanted.includes(name) || wanted.includes(name.split(':')[0]));
const sum = chosen.reduce((total, name) => total + shares[name], 0);
const checks = new Checks();
const ends = Date.now() + Number(values.minutes) * 60_000;
const seed = Number(values.seed);
console.log(`seed ${seed}`);
for (const [at, name] of chosen.entries()) {
  const later = chosen.slice(at).reduce((total, other) => total + shares[other], 0);
  const campaign = new Campaign({
    mode: name,
    checks,
    seed: seed + at,
    sequences: Math.ceil((Number(values.sequences) * shares[name]) / sum),
    until: Date.now() + ((ends - Date.now()) * shares[name]) / later,
    lanes: Number(values.lanes),
  });
  if (values.replay) replayOnly(campaign, values.replay);
  try {
    await modes[name](campaign);
    if (campaign.next < campaign.sequences && campaign.found === 0)
      console.log(`       ${name}: the time was over after ${campaign.next} of ${campaign.sequences} sequences`);
  } catch (error) {
    checks.record(`${name}: the run came to its end`, false, error.stack);
  }
}
checks.finish();

/** Instead of the regressions and new sequences: one, by its number or from a file. */
function replayOnly(campaign, which) {
  const [from, index] = which.split(':').map(Number);
  const sequence = which.endsWith('.json')
    ? { seed: 'file', index: 0, ...JSON.parse(readFileSync(which, 'utf8')) }
    : generate(from, index);
  campaign.sequences = 0;
  campaign.regressions = async (targets) => {
    await campaign.one(targets, sequence);
    if (campaign.found === 0) checks.record(`${campaign.mode}: ${which} is answered alike`, true);
  };
}
