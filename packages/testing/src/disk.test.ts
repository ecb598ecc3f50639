// Servers with real files and real sockets, behind the same doors.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@corral/client';
import { describe, expect, it } from 'vitest';
import { startEnsemble, startServer } from './index.ts';

describe('a server with files', () => {
  it('keeps its data in a folder that goes at the end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'corral-own-'));
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = folder;
    const server = await startServer({ storage: 'tmp', tcp: true });
    await using zk = await connect(server.connectString);
    await zk.create('/a', 'kept');
    expect(readdirSync(folder)).toHaveLength(1);
    await server.restart();
    expect(await zk.getText('/a')).toBe('kept');
    await zk.close();
    await server.close();
    expect(readdirSync(folder)).toEqual([]);
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true });
  });

  it('keeps its data in the folder it is given', async () => {
    const storage = mkdtempSync(join(tmpdir(), 'corral-kept-'));
    for (const round of [1, 2]) {
      await using server = await startServer({ storage });
      await using zk = await server.connect();
      await zk.create(`/round-${round}`);
      expect(Object.keys(server.dump())).toHaveLength(round);
    }
    expect(existsSync(join(storage, 'version-2'))).toBe(true);
    rmSync(storage, { recursive: true });
  });

  it('is struck by faults, expires sessions and can be wiped, as in memory', async () => {
    await using server = await startServer({ storage: 'tmp' });
    await using zk = await server.connect();
    server.faults.inject({ op: 'create', when: 'afterApply', do: 'disconnect' });
    await expect(zk.create('/a')).rejects.toMatchObject({ code: 'ConnectionLoss' });
    expect(await zk.exists('/a')).not.toBeNull();
    await zk.create('/e', '', { mode: 'ephemeral' });
    const renewed = new Promise((resolve) => zk.on('session', resolve));
    server.expireSession(zk);
    await renewed;
    expect(Object.keys(server.dump())).toEqual(['/a']);
    await server.restart({ wipe: true });
    expect(server.dump()).toEqual({});
  });

  it('keeps what it acknowledged when it is killed, and leaves its files as they were at that moment', async () => {
    const storage = mkdtempSync(join(tmpdir(), 'corral-killed-'));
    await using server = await startServer({ storage });
    await using zk = await server.connect();
    await zk.create('/a', 'kept');
    await zk.create('/e', '', { mode: 'ephemeral' });
    const { id } = zk.session!;
    const late = zk.create('/late').catch((error: unknown) => error);
    await server.kill();
    expect(await late).toMatchObject({ code: 'ConnectionLoss' });
    expect(server.isUp).toBe(false);
    expect(readdirSync(storage)).toEqual(['version-2']);
    // An orderly stop cuts the log to its data; this one is as long as it was reserved.
    const [log] = readdirSync(join(storage, 'version-2')).filter((name) => name.startsWith('log.'));
    expect(statSync(join(storage, 'version-2', log)).size).toBeGreaterThan(1 << 16);
    await server.start();
    expect(await zk.getText('/a')).toBe('kept');
    expect([zk.session!.id, (await zk.exists('/e'))?.ephemeralOwner]).toEqual([id, id]);
    await server.kill();
    await server.restart({ wipe: true });
    expect(server.dump()).toEqual({});
    rmSync(storage, { recursive: true });
  });

  it('says what it cannot do', async () => {
    await expect(startServer({ storage: 'tmp', clock: 'virtual' })).rejects.toThrow(/virtual time needs/);
    await expect(startServer({ tls: 'self-signed' })).rejects.toThrow(/TLS/);
    await using server = await startServer({ storage: 'tmp' });
    expect(() => server.pause()).toThrow(/storage: 'memory'/);
  });
});

describe('an ensemble with files', () => {
  it('elects over sockets, survives its leader and gives a wiped member everything back', async () => {
    await using ensemble = await startEnsemble({ storage: 'tmp' });
    const former = ensemble.leader;
    await using zk = await ensemble.connect();
    await zk.create('/a', 'kept');
    await former.stop();
    await ensemble.waitForLeader({ not: former });
    await former.restart({ wipe: true });
    await ensemble.waitUntilSame();
    expect(former.dump()['/a'].data).toBe('kept');
    const killed = ensemble.leader;
    await killed.kill();
    await ensemble.waitForLeader({ not: killed });
    expect(await zk.getText('/a')).toBe('kept');
    await killed.start();
    await ensemble.waitUntilSame();
    expect(killed.dump()['/a'].data).toBe('kept');
    expect(() => former.lag('1s')).toThrow(/storage: 'memory'/);
    expect(() => ensemble.partition([[1], [2, 3]])).toThrow(/storage: 'memory'/);
  });
});
