// The end of a fault test: what every server holds against everything that was acknowledged.

import { sameTree } from '../ensemble/tree.mjs';

export async function verifyEnd({ checks, cluster, rovers, writers, heavyLoad }) {
  let tree;
  await checks.check('the trees of all servers are equal', async () => {
    tree = await sameTree(cluster.members);
  });
  if (!tree) return;
  const node = (path) => {
    const text = tree.get(path);
    if (text === undefined) return null;
    const [, data, acls, stat] = JSON.parse(text);
    return { data: Buffer.from(data ?? '', 'base64').toString(), acls, stat };
  };
  await checks.check('no acknowledged write of the load is lost, versions are right', async () => {
    const problems = rovers.flatMap((rover) => [...rover.problems, ...corner(rover, node)]);
    if (problems.length > 0) throw new Error(`${problems.length}: ${problems.slice(0, 5).join('; ')}`);
  });
  if (heavyLoad) {
    await checks.check('no large write is lost or torn, and nothing is left of the huge sessions', async () => {
      const problems = heavyLoad.verify(node);
      if (problems.length > 0) throw new Error(`${problems.length}: ${problems.slice(0, 5).join('; ')}`);
    });
  }
  for (const writer of writers) {
    await checks.check(`no acknowledged write of ${writer.name} is lost, its session is kept`, async () => {
      writer.verify(tree);
    });
  }
  await checks.check('sequential names were given out once and hold what was written', async () => {
    const acked = rovers.flatMap((rover) => [...rover.sequential]);
    if (new Set(acked.map(([path]) => path)).size !== acked.length) throw new Error('a name was given out twice');
    const wrong = acked.filter(([path, label]) => node(path)?.data !== label);
    if (wrong.length > 0) throw new Error(`${wrong.length} of ${acked.length}, first ${wrong[0]}`);
  });
  await checks.check('writes to one node by all have one order, which fits what each saw when', async () => {
    oneOrder(rovers, node('/faults/shared').stat.version);
  });
}

/** The rover has settled, so that its corner is exactly what it believes. */
function corner({ corner: { root, nodes }, index }, node) {
  const wrong = [...nodes].filter(([name, { data, version }]) => {
    const found = node(`${root}/${name}`);
    return found?.data !== data || found.stat.version !== version;
  });
  return wrong.map(([name, { version }]) => `client ${index}: ${name} v${version} is not there`);
}

/** Versions are unique, grow with the zxid, and a write that began after another had been answered has the higher one. */
function oneOrder(rovers, finalVersion) {
  const all = rovers.flatMap(({ shared }) => shared).sort((a, b) => a.version - b.version);
  let latestStart = -Infinity;
  for (const [at, write] of all.entries()) {
    const before = all[at - 1];
    if (before && before.version === write.version) throw new Error(`version ${write.version} was acknowledged twice`);
    if (before && before.mzxid >= write.mzxid)
      throw new Error(`version ${write.version} has an older zxid than before`);
    if (write.answered < latestStart)
      throw new Error(`version ${write.version} was older than one acknowledged before`);
    latestStart = Math.max(latestStart, write.sent);
  }
  const unknown = rovers.reduce((sum, { sharedUnknown }) => sum + sharedUnknown, 0);
  if (finalVersion < all.length || finalVersion > all.length + unknown) {
    throw new Error(`version ${finalVersion}: ${all.length} acknowledged, ${unknown} unknown`);
  }
}
