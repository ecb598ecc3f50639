// What only a process of its own can show: the hooks of node:test, and that a server keeps no process alive. These run what
// is compiled.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

it('the hooks for node:test start and end servers', async () => {
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', `${here}node-test-sample.mjs`]);
  expect(stdout).toMatch(/# pass 5\n# fail 0/);
});

it('a process ends although nobody has closed its servers', async () => {
  const program = `
    import { startEnsemble, startServer } from '@corral/testing';
    await startServer({ tcp: true });
    await startEnsemble({ tcp: true });
    console.log('done');`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: here });
  expect(stdout).toBe('done\n');
});

it('a process ends when its ensemble with files is closed', async () => {
  const program = `
    import { startEnsemble } from '@corral/testing';
    const ensemble = await startEnsemble({ storage: 'tmp', leaks: 'ignore' });
    await ensemble.connect();
    await ensemble.close();
    console.log('done');`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: here,
    timeout: 300_000,
  });
  expect(stdout).toBe('done\n');
});

it('a process ends although a client that brought the transport along was forgotten', async () => {
  const program = `
    import { connect } from '@corral/client';
    import { startServer } from '@corral/testing';
    const server = await startServer({ leaks: 'ignore' });
    await connect(server.address, server.clientOptions);
    await server.close();
    console.log('done');`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: here,
    timeout: 300_000,
  });
  expect(stdout).toBe('done\n');
});
