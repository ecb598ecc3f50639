// Lays the client out as it is published: one package without dependencies. The protocol package, which in this repository
// stands beside it, goes inside.

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const client = join(root, 'packages', 'client');

/** Fills an empty folder with the package; build first. */
export function stageClient(folder) {
  rmSync(folder, { recursive: true, force: true });
  copyBuild(join(client, 'dist'), join(folder, 'dist'));
  copyBuild(join(root, 'packages', 'protocol', 'dist'), join(folder, 'dist', 'protocol'));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(join(client, 'README.md'), join(folder, 'README.md'));
  const manifest = JSON.parse(readFileSync(join(client, 'package.json'), 'utf8'));
  delete manifest.dependencies;
  for (const entry of Object.values(manifest.exports)) delete entry['corral-source'];
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, files: ['dist'] }, null, 2)}\n`);
}

function copyBuild(from, to) {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|d\.ts)$/.test(entry.name) || /\.test\./.test(entry.name)) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, linked(readFileSync(source, 'utf8'), relative(dirname(target), join(to, 'protocol'))));
  }
}

/** With the protocol beside it, and without pointing to sources that are not there. */
const linked = (text, protocol) =>
  text
    .replaceAll(/'@corral\/protocol'/g, `'${protocol.startsWith('.') ? '' : './'}${protocol}/index.js'`)
    .replaceAll(/^\/\/# sourceMappingURL=.*\n?/gm, '');
