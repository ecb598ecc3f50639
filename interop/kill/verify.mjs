// After a restart of the kill test: reads everything back and holds it against what was acknowledged.

import { Wire, body, op } from '../lib/wire.mjs';

/** Names below a path, with data and version: Map name -> { data, version, owner }. */
export async function readFolder(wire, folder) {
  const names = (await wire.call(op.getChildren, body.pathWatch(folder), folder)).vector((r) => r.text());
  const found = new Map();
  await Promise.all(
    names.map(async (name) => {
      const reply = await wire.call(op.getData, body.pathWatch(`${folder}/${name}`), name);
      const data = reply.bytes()?.toString('utf8') ?? null;
      const stat = reply.stat();
      found.set(name, { data, version: stat.version, owner: stat.ephemeralOwner });
    }),
  );
  return found;
}

export async function verifyRound({ port, loaders, round, sharedBefore }) {
  const problems = [];
  const wire = await Wire.open(port);
  let kept = 0;
  for (const loader of loaders) {
    const actual = await readFolder(wire, loader.corner.root);
    problems.push(...tornMultis(actual, loader));
    const settled = loader.corner.settle(actual);
    if (typeof settled === 'string') problems.push(`client ${loader.index}: ${settled}`);
    else kept += settled;
    if (actual.get('alive')?.owner !== loader.wire.sessionId)
      problems.push(`client ${loader.index}: ephemeral's owner`);
    problems.push(...loader.errors.splice(0));
  }
  problems.push(...(await sequentialNames(wire, loaders, round)));
  const stat = (await wire.call(op.exists, body.pathWatch('/kill/shared'))).stat();
  const acked = sum(loaders, (loader) => loader.shared.acked);
  const inFlight = sum(loaders, (loader) => loader.shared.inFlight);
  const grown = stat.version - sharedBefore;
  if (grown < acked || grown > acked + inFlight) {
    problems.push(`shared version grew by ${grown}, acknowledged ${acked}, in flight ${inFlight}`);
  }
  await wire.close();
  return { problems, kept, sharedVersion: stat.version };
}

/** Both halves of a multi or none; the corner's comparison says so too, this names it. */
function tornMultis(actual, loader) {
  const torn = [];
  for (const name of actual.keys()) {
    if (!/^m[ab]\d/.test(name)) continue;
    const twin = (name[1] === 'a' ? 'mb' : 'ma') + name.slice(2);
    if (!actual.has(twin)) torn.push(`client ${loader.index}: ${name} without ${twin}`);
  }
  return torn;
}

async function sequentialNames(wire, loaders, round) {
  const problems = [];
  const folder = `/kill/seq${round}`;
  const actual = await readFolder(wire, folder);
  const acked = new Map();
  const inFlight = new Set(loaders.flatMap((loader) => [...loader.sequential.inFlight]));
  for (const loader of loaders) {
    for (const [path, label] of loader.sequential.acked) {
      if (!path.startsWith(`${folder}/`)) continue;
      if (acked.has(path)) problems.push(`${path} was given to ${acked.get(path)} and to ${label}`);
      acked.set(path, label);
    }
  }
  for (const [path, label] of acked) {
    const found = actual.get(path.slice(folder.length + 1));
    if (found?.data !== label) problems.push(`${path} should hold ${label}, holds ${found?.data}`);
  }
  for (const [name, { data }] of actual) {
    if (!acked.has(`${folder}/${name}`) && !inFlight.has(data)) problems.push(`${name} with ${data} was never sent`);
  }
  return problems.slice(0, 5);
}

function sum(list, value) {
  return list.reduce((total, item) => total + value(item), 0);
}
