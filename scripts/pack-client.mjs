// npm run pack:client: the tarball of the client as it is published, in the folder given or this one.
//
//   node scripts/pack-client.mjs [folder]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stageClient } from './pack/stage.mjs';

const target = resolve(process.argv[2] ?? '.');
const folder = mkdtempSync(join(tmpdir(), 'corral-pack-'));
stageClient(folder);
const { status } = spawnSync('npm', ['pack', '--pack-destination', target], { cwd: folder, stdio: 'inherit' });
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
