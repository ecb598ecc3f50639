// Fail-over: the leader of an idle ensemble is killed with SIGKILL, and the clock runs until a client's write is accepted.
// The client is as eager as clients get: it knocks at every survivor, again and again, without waiting for the last knock.

import { performance } from 'node:perf_hooks';
import { errorCodes } from '@corral/protocol';
import { ControlLink } from './control.ts';
import { createFrame, setFrame } from './requests.ts';
import { pause } from './run.ts';
import type { Servers } from './servers.ts';

const path = '/fail-over';
const knockEveryMs = 10;
const knockTimeoutMs = 5000;
const givenUpAfterMs = 120_000;
/** Between the return of the killed server and the next kill. */
const settleMs = 1000;

/** Kills the leader so many times; answers how many seconds each time passed until a write was accepted. */
export async function failOvers(servers: Servers, times: number): Promise<number[]> {
  const control = await ControlLink.open(servers.ports[0], knockTimeoutMs);
  await control.createAll([createFrame(path)]);
  await control.close();
  const seconds: number[] = [];
  for (let round = 0; round < times; round++) {
    await pause(settleMs);
    const leader = await servers.leader();
    const survivors = servers.ports.filter((port) => port !== leader.port);
    const killedAt = performance.now();
    const gone = leader.stop('SIGKILL');
    await firstWrite(survivors);
    seconds.push((performance.now() - killedAt) / 1000);
    await gone;
    await servers.startAgain(leader);
  }
  return seconds;
}

/** Resolves when any of the servers has accepted a write. */
async function firstWrite(ports: readonly number[]): Promise<void> {
  const deadline = performance.now() + givenUpAfterMs;
  let accepted = false;
  let accept = (): void => undefined;
  const acceptance = new Promise<void>((resolve) => {
    accept = () => {
      accepted = true;
      resolve();
    };
  });
  while (!accepted) {
    if (performance.now() > deadline) throw new Error(`no write was accepted within ${givenUpAfterMs / 1000} s`);
    for (const port of ports) void writes(port).then((done) => (done ? accept() : undefined));
    await Promise.race([pause(knockEveryMs), acceptance]);
  }
}

/** Whether a write in a new session is accepted. */
async function writes(port: number): Promise<boolean> {
  let link: ControlLink | undefined;
  try {
    link = await ControlLink.open(port, knockTimeoutMs);
    return (await link.call(setFrame(path))) === errorCodes.Ok;
  } catch {
    // Refused or closed: a server without a leader. The caller knocks again until its deadline.
    return false;
  } finally {
    link?.destroy();
  }
}
