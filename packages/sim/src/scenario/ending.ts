// How every scenario ends: everything is healed, all servers are started, the ensemble has a minute to come together, and
// then nothing may be lost: what clients were told is so, every disk restores to what is in memory.

import { recover } from '@corral/core';
import { checkHistories } from '../checkers/clients.ts';
import { checkConfigs } from '../checkers/configs.ts';
import { hex } from '../checkers/ghost.ts';
import { checkRestart } from '../checkers/state.ts';
import { heldConfigs } from '../cluster.ts';
import type { Cluster } from '../cluster.ts';
import { SimFiles } from '../disk-files.ts';
import { historyDirs } from '../disk-jobs.ts';
import type { SimNode } from '../node.ts';
import type { Stage } from './stage.ts';
import { Unmet } from './stage.ts';

const convergenceMs = 60_000;
/** How long it has to stay together. */
const staysMs = 2_000;

export function endScene(stage: Stage): void {
  const { cluster, story } = stage;
  story.isQuiet = true;
  stage.pace.heal();
  cluster.heal();
  const deadline = cluster.queue.now + convergenceMs;
  while (!isTogether(stage)) {
    if (cluster.queue.now >= deadline) throw new Unmet(`a minute after everything was healed: ${stage.describe()}`);
    for (const node of cluster.members) {
      node.process?.jobs.lane.release();
      if (node.state !== 'up') stage.start(node);
    }
    stage.run(100);
  }
  stage.run(staysMs);
  if (!isTogether(stage)) throw new Unmet(`the ensemble does not stay together: ${stage.describe()}`);
  checkClients(stage);
  for (const node of cluster.members) checkDisk(cluster, node);
  checkConfigs(cluster.watch.ghost, heldConfigs(cluster));
  stage.checked();
  story.isQuiet = false;
  const [leader] = cluster.leaders;
  const { decided, lastDecided } = cluster.watch.ghost;
  story.tell(
    `${leader.name} leads epoch ${leader.process!.machine!.epoch}, all hold ${decided.length} transactions to ${hex(lastDecided)}`,
  );
}

function isTogether({ cluster, clients }: Stage): boolean {
  const isQuiet = [...clients.values()].every((client) => client.isIdle || client.isStopped);
  return isQuiet && cluster.isConverged && cluster.members.every(({ state }) => state === 'up');
}

/** What clients were told is what a new client reads. */
function checkClients(stage: Stage): void {
  const { cluster } = stage;
  const { ghost } = cluster.watch;
  const histories = [...stage.clients.values()].map(({ history }) => history);
  const expected = checkHistories(ghost, histories);
  stage.checked();
  const reader = stage.connect('reader', [...cluster.nodes.keys()], 100 * cluster.knobs.tickMs);
  for (const { path } of expected) reader.submit({ kind: 'get', path });
  stage.until(
    () => reader.isIdle,
    () => 'nothing can be read',
  );
  for (const { path, value } of expected) {
    const read = reader.history.findLast((done) => done.op.path === path);
    const found = read?.outcome === 'ok' ? (read.value ?? null) : null;
    if (read !== undefined && read.outcome !== 'unknown' && found === value) continue;
    ghost.fail(16, 'committed durability', `${path} should be ${value}, it is ${found}`);
  }
  stage.checked();
}

/** What a restart would find is what the server has in memory (20, 21). */
function checkDisk({ kind, knobs, watch }: Cluster, node: SimNode): void {
  const options = { ...historyDirs, readOnly: true };
  const { target, lastZxid } = recover(new SimFiles(node.disk), options, () => kind.emptyState(node.sid, knobs));
  target.finish();
  checkRestart(watch.ghost, node.sid, lastZxid, target.tree.digest.value);
}
