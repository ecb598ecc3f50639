// A change of the members from the question to the outcome, with a client that answers as told.

import { ZkError } from '@corral/client';
import type { ZkErrorCode } from '@corral/client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf } from '../exit-codes.ts';
import { reconfigure } from './reconfigure.ts';
import type { ReconfigureFlags } from './reconfigure.ts';
import type { Change } from './change.ts';

const configOf = (ids: readonly number[], version: string): string =>
  [
    ...ids.map((id) => `server.${id}=127.0.0.1:288${id}:388${id}:participant;127.0.0.1:${id}`),
    `version=${version}`,
  ].join('\n');

const ensemble = {
  config: '',
  asked: [] as unknown[],
  answer: (): string => '',
};
vi.mock('../with-client.ts', () => ({
  withClient: (_globals: unknown, _lifetime: unknown, work: (task: unknown) => Promise<unknown>) =>
    work({
      call: {},
      client: {
        sync: () => Promise.resolve(),
        getConfig: () => Promise.resolve({ config: ensemble.config }),
        reconfig: async (change: unknown) => {
          ensemble.asked.push(change);
          return { config: ensemble.answer() };
        },
      },
    }),
}));

beforeEach(() => {
  ensemble.config = configOf([1, 2, 3], '100000000');
  ensemble.asked = [];
  ensemble.answer = () => (ensemble.config = configOf([1, 3], '100000005'));
});

const leaving = (...ids: number[]): Change => ({ kind: 'incremental', joining: [], leaving: ids });

async function change(wanted: Change, flags: ReconfigureFlags = {}, around: { stdin?: string; json?: boolean } = {}) {
  let out = '';
  let err = '';
  const stdin = async function* () {
    yield Promise.resolve(around.stdin ?? '');
  };
  const globals = {
    server: '',
    output: around.json === true ? 'json' : 'text',
    timeout: 1000,
    yes: false,
    color: false,
    target: { server: '', auth: [], tls: undefined },
  } as const;
  const context = {
    env: {},
    stdout: { write: (text: Uint8Array | string) => (out += text.toString()) },
    stderr: { write: (text: string) => (err += text) },
    stdin: Object.assign(stdin(), { isTTY: around.stdin !== undefined }),
    readFile: () => Promise.reject(new Error('nothing to read')),
    interrupted: () => new AbortController().signal,
  };
  let code = 0;
  try {
    await reconfigure(wanted, flags, globals, context);
  } catch (error) {
    code = exitCodeOf(error);
    err += (error as Error).message;
  }
  return { code, out, err };
}

const refuse =
  (code: ZkErrorCode, ambiguous = false) =>
  (): never => {
    throw new ZkError(code, { op: 'reconfig', ambiguous });
  };

describe('a change of the members', () => {
  it('is only shown on a dry run', async () => {
    const { code, out } = await change(leaving(2), { dryRun: true });
    expect(code).toBe(0);
    expect(out).toContain('survives 1 failure  survives no failure');
    expect(ensemble.asked).toEqual([]);
  });

  it('that lowers the tolerance is confirmed by flag or by hand', async () => {
    expect(await change(leaving(2))).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    expect((await change(leaving(2), {}, { stdin: 'n\n' })).code).toBe(0);
    expect(ensemble.asked).toEqual([]);
    expect((await change(leaving(2), {}, { stdin: 'y\n' })).err).toContain('version 100000005 now');
    expect(ensemble.asked).toEqual([{ leaving: ['2'], fromConfig: 0x100000000n }]);
  });

  it('is not asked for when nothing would change', async () => {
    const joining = ['server.2=127.0.0.1:2882:3882;127.0.0.1:2'];
    expect((await change({ kind: 'incremental', joining, leaving: [] })).err).toContain('nothing changes');
    expect(ensemble.asked).toEqual([]);
  });

  it('lets a voter join unasked only if it runs', async () => {
    const joining = ['server.4=127.0.0.1:2884:3884;127.0.0.1:4'];
    const { code, err } = await change({ kind: 'incremental', joining, leaving: [] });
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('server 4 does not answer') });
    const observer = ['server.4=127.0.0.1:2884:3884:observer;127.0.0.1:4'];
    expect((await change({ kind: 'incremental', joining: observer, leaving: [] })).code).toBe(0);
  });

  it.each<[ZkErrorCode, number, string]>([
    ['ReconfigDisabled', 1, 'reconfigEnabled=true'],
    ['NoAuth', 4, 'superDigest'],
    ['NewConfigNoQuorum', 1, 'Start the servers that join first'],
    ['BadVersion', 6, 'somebody else'],
    ['ReconfigInProgress', 1, 'wait until it is done'],
    ['BadArguments', 1, 'fewer than two voters'],
  ])('refused with %s ends with code %i and says what to do', async (code, exitCode, advice) => {
    ensemble.answer = refuse(code);
    expect(await change(leaving(2), { yes: true })).toMatchObject({
      code: exitCode,
      err: expect.stringContaining(advice),
    });
  });

  it('whose answer is lost is looked up', async () => {
    ensemble.answer = () => {
      ensemble.config = configOf([1, 3], '100000005');
      return refuse('ConnectionLoss', true)();
    };
    expect(await change(leaving(2), { yes: true })).toMatchObject({ code: 0, err: expect.stringContaining('done') });
    ensemble.config = configOf([1, 2, 3], '100000000');
    ensemble.answer = refuse('ConnectionLoss', true);
    expect(await change(leaving(2), { yes: true })).toMatchObject({
      code: 3,
      err: expect.stringContaining('has not changed'),
    });
  });

  it('is told as JSON', async () => {
    const { out } = await change(leaving(2), { yes: true }, { json: true });
    expect(JSON.parse(out)).toMatchObject({
      dryRun: false,
      before: { voters: [1, 2, 3], quorum: 2, survives: 1 },
      after: { voters: [1, 3], quorum: 2, survives: 0 },
      lowersTolerance: true,
      version: '100000005',
    });
  });

  it('of a server that stands alone is refused', async () => {
    ensemble.config = '';
    expect(await change(leaving(2))).toMatchObject({ code: 1, err: expect.stringContaining('stands alone') });
  });
});
