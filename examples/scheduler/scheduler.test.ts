// The scheduler in memory, by a virtual clock: its leader is killed, the leader of the ensemble is killed, settings change.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Client } from '@corral/client';
import { startEnsemble, startServer } from '@corral/testing';
import type { TestEnsemble, TestServer } from '@corral/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runMember } from './member.js';
import { openSettings } from './settings.js';
import { sleep } from './sleep.js';

interface Job {
  readonly kind: string;
  readonly due: number;
  readonly by: string;
  readonly token: bigint;
  readonly from: number;
  to: number | null;
}

/** Members, and what they did. */
class Company {
  readonly jobs: Job[] = [];
  readonly log: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #place: TestServer | TestEnsemble;

  constructor(place: TestServer | TestEnsemble) {
    this.#place = place;
  }

  get #clock() {
    return this.#place.clock;
  }

  async hire(id: string): Promise<Client> {
    const zk = await this.#place.connect({ sessionTimeout: 10_000 });
    const member = runMember(zk, {
      id,
      now: () => this.#clock.wall(),
      log: (text) => void this.log.push(`${id} ${text}`),
      signal: this.#stop.signal,
      handler: async ({ kind, due, token }, signal) => {
        const job: Job = { kind, due, by: id, token, from: this.#clock.now(), to: null };
        this.jobs.push(job);
        await sleep(zk, 1500, signal);
        job.to = this.#clock.now();
      },
    });
    this.#running.push(member);
    await this.#clock.until(() => this.log.some((line) => line.startsWith(`${id} settings:`)));
    return zk;
  }

  leader(): string | undefined {
    return this.log.findLast((line) => line.includes(' leads, term '))?.split(' ')[0];
  }

  done(kind: string): Job[] {
    return this.jobs.filter((job) => job.kind === kind && job.to !== null);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#clock.until(Promise.allSettled(this.#running));
  }
}

/**
 * At most one at a time, each run done once, later runs with higher tokens. Only what `silent` has finished while it could
 * not say so is done again.
 */
function expectOneAtATime(jobs: readonly Job[], silent?: string): void {
  for (const [at, job] of jobs.entries()) {
    if (at === 0) continue;
    const before = jobs[at - 1];
    expect(job.from).toBeGreaterThanOrEqual(before.to!);
    expect(job.token).toBeGreaterThan(before.token);
    if (before.by === silent && job.due === before.due) continue;
    expect(job.due).toBeGreaterThan(before.due);
  }
}

const closing: (() => Promise<void>)[] = [];
let server: TestServer;
let company: Company;

beforeEach(async () => {
  server = await startServer({ clock: 'virtual', leaks: 'ignore' });
  company = new Company(server);
  closing.push(
    () => server.close(),
    () => company.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

it('does every job when it is due, once, on any of the workers', async () => {
  for (const id of ['one', 'two', 'three']) await company.hire(id);
  await server.clock.advance('2m');
  const reports = company.done('report');
  expect(reports.length).toBeGreaterThanOrEqual(11);
  expectOneAtATime(reports);
  for (const [at, { due }] of reports.entries()) if (at > 0) expect(due - reports[at - 1].due).toBe(10_000);
  expect(company.done('mail').length).toBeGreaterThanOrEqual(28);
  expectOneAtATime(company.done('mail'));
  expect(new Set(company.jobs.map(({ by }) => by)).size).toBeGreaterThan(1);
});

it('goes on under another leader when the leader is killed, and stands that it was not dead', async () => {
  const clients = new Map<string, Client>();
  for (const id of ['one', 'two', 'three']) clients.set(id, await company.hire(id));
  await server.clock.advance('30s');
  const silent = company.leader()!;
  // In the middle of a job: it has something to tell, and nobody hears it for longer than a call may take.
  await server.clock.until(() => company.jobs.some(({ by, to }) => by === silent && to === null));
  server.cutOff(clients.get(silent)!);
  await server.clock.until(() => company.leader() !== silent);
  const leader = company.leader()!;
  const before = company.done('report').length;
  await server.clock.advance('1m');
  expect(company.done('report').length).toBeGreaterThanOrEqual(before + 5);
  expect(company.log).toContain(`${leader} ${leader} is here, one of 2`);

  server.heal();
  await server.clock.until(() => company.log.includes(`${leader} ${silent} is here, one of 3`));
  await server.clock.advance('1m');
  expect(company.leader()).toBe(leader);
  expect(company.log).toContain(`${silent} leads no more`);
  for (const kind of ['report', 'mail']) expectOneAtATime(company.done(kind), silent);
});

it('takes new settings while it runs, and ignores nonsense', async () => {
  await company.hire('one');
  const admin = await server.connect();
  await server.clock.until(() => company.jobs.length > 0);
  await admin.set('/scheduler/settings', '{"jobs":{"report":{"everyMs":-1}}}');
  await server.clock.settle();
  expect(company.log.some((line) => line.includes('settings ignored'))).toBe(true);
  await admin.set('/scheduler/settings', '{"jobs":{"backup":{"everyMs":5000,"takesMs":10}}}');
  await server.clock.until(() => company.done('backup').length >= 3);
  const others = company.jobs.filter(({ kind }) => kind !== 'backup').length;
  await server.clock.advance('1m');
  expect(company.jobs.filter(({ kind }) => kind !== 'backup').length).toBe(others);
  await admin.close();
});

it('goes on when the leader of the ensemble is killed', async () => {
  const ensemble = await startEnsemble({ clock: 'virtual', leaks: 'ignore' });
  const staff = new Company(ensemble);
  closing.push(
    () => ensemble.close(),
    () => staff.close(),
  );
  for (const id of ['one', 'two']) await staff.hire(id);
  await ensemble.clock.advance('20s');
  const former = ensemble.leader;
  await former.kill();
  await ensemble.waitForLeader({ not: former });
  const before = staff.done('report').length;
  await ensemble.clock.advance('1m');
  expect(staff.done('report').length).toBeGreaterThanOrEqual(before + 5);
  for (const kind of ['report', 'mail']) expectOneAtATime(staff.done(kind));
});

it('runs as a process, and stops in order', async () => {
  const real = await startServer({ tcp: true });
  closing.push(() => real.close());
  const zk = await real.connect();
  const settings = await openSettings(zk, {});
  const env = { ...process.env, CORRAL_SERVER: real.connectString };
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const member = spawn(process.execPath, [file('main.js'), 'one'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  while (!/one \w+ of .* begins/.test(output)) output += String((await once(member.stdout, 'data'))[0]);
  const status = spawn(process.execPath, [file('status.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const told = (await status.stdout.toArray()).join('');
  expect(told).toContain('leader   one');
  member.kill('SIGTERM');
  expect(await once(member, 'exit')).toEqual([0, null]);
  await settings.close();
  await zk.close();
});
