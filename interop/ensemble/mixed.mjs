// The mixed-ensemble checks: with each version of Apache's server, candidates join, lead, and take its place.

import { peers } from './apache.mjs';
import { failedMultis } from './failed-multis.mjs';
import { handsOver } from './hands-over.mjs';
import { joins } from './joins.mjs';
import { leads } from './leads.mjs';
import { rolling } from './rolling.mjs';

/** The candidate is the server under test; Apache can play it too, which is how these checks are checked. */
export async function mixedEnsembles({ kind: candidate, checks }) {
  for (const [peer, version] of Object.entries(peers)) {
    for (const scenario of [joins, leads, handsOver, rolling, failedMultis]) {
      const name = `ensemble ${version}`;
      try {
        await scenario({ checks, name, candidate, peer });
      } catch (error) {
        checks.record(`${name}: ${scenario.name} runs to its end`, false, error.message);
      }
    }
  }
}
