// Recipes across languages: Corral's beside those of Curator and kazoo, in processes that use the same paths at the same
// time, on a Corral server and on Apache's. What the guide says about foreign names and formats is what is checked here.

import { connect } from '@corral/client';
import { Server } from '../lib/server.mjs';
import { discovery } from './discovery.mjs';
import { exclusion } from './exclusion.mjs';
import { loss } from './loss.mjs';
import { membership } from './membership.mjs';
import { numbers } from './numbers.mjs';
import { startPartners } from './partners.mjs';

export async function mixedRecipes({ kind, checks }) {
  for (const each of kind === 'apache' ? ['apache'] : ['corral', 'apache']) {
    const under = checks.under(`recipes on ${each}`);
    const server = await Server.fresh(each);
    const failedBefore = checks.failed;
    try {
      await together(server.connectString, under);
    } finally {
      await server.close({ keep: checks.failed > failedBefore });
    }
  }
}

async function together(hosts, checks) {
  const partners = await startPartners(hosts);
  const zk = await connect(hosts, { sessionTimeout: 20_000 });
  const context = { hosts, checks, partners, zk };
  try {
    await exclusion(context);
    await numbers(context);
    await discovery(context);
    await membership(context);
    await loss(context);
  } finally {
    await zk.close();
    await Promise.all(Object.values(partners).map((partner) => partner.close()));
  }
}
