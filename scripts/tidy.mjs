// What must not stand in any file of this repository, with the reason. Part of `npm run lint`; for what other tools
// can check there are other tools.

import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const skippedFolders = new Set(['node_modules', 'dist', '.git', '.interop', 'coverage', 'data', 'test-data']);
const skippedFiles = /\.(png|svg|ico|bin|gz|snappy)$|^\.git$/; // in a worktree of git, .git is a file

// Written in pieces, so that this file may be looked at too.
const word = (...pieces) => new RegExp(pieces.join(''));
const banned = [
  [word('(^|[\\s\'"`(=])/(wo', 'rk|ro', 'ot|ho', 'me)/'), 'a path of one machine'],
  [word('sha', 'red/'), 'a folder outside of the repository'],
  [word('registry\\.(npm', 'js|yarn', 'pkg)'), 'the host of a package registry: it is a matter of configuration'],
  [word('(repo1?\\.ma', 'ven\\.|repo\\.ma', 'ven\\.)'), 'the host of a package registry'],
  [word('(pypi\\.o', 'rg|files\\.python', 'hosted|proxy\\.go', 'lang)'), 'the host of a package registry'],
  [word('"resol', 'ved": "http'), 'a lock file that names a registry: npm install --omit-lockfile-registry-resolved'],
  [word('^(<{7}|>{7}) '), 'a merge conflict'],
  [word('npx (-y )?cor', 'ral'), 'outside of a clone this runs a package of strangers: write corral'],
];
const tabsAllowed = /(\.go|Makefile|\.mod|\.sum|\.patch)$/;

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name)) yield* files(path);
    } else if (entry.isFile() && !skippedFiles.test(entry.name)) yield path;
  }
}

let found = 0;
const complain = (path, line, text) => {
  found += 1;
  console.error(`${relative(root, path)}:${line}: ${text}`);
};

for (const path of files(root)) {
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      for (const [pattern, reason] of banned) if (pattern.test(line)) complain(path, index + 1, reason);
      if (line.includes('\t') && !tabsAllowed.test(path)) complain(path, index + 1, 'a tab');
    });
}
process.exitCode = found === 0 ? 0 : 1;
