// Settings as a program hands them over, instead of a configuration file: for servers inside this process.

import { existsSync, readFileSync } from 'node:fs';
import type { EnsembleOptions, ReplicaOptions } from '@corral/core';
import { loadConfig } from './config/load.ts';
import type { LoadedConfig } from './config/load.ts';
import { ensembleOptions, replicaOptions } from './replica-options.ts';

/** Keys of zoo.cfg; jute.maxbuffer and its like, which are system properties, may stand here too. */
export type FlatSettings = Readonly<Record<string, string | number | boolean>>;

const plainProperties = /^(jute\.|readonlymode\.|znode\.)/;
const name = 'embedded.cfg';

/** Throws ConfigError when they cannot be used. `readFile` is asked for the number of a member (myid). */
export function loadSettings(settings: FlatSettings, readFile = readIfThere): LoadedConfig {
  const entries = Object.entries(settings);
  const file = entries.filter(([key]) => !plainProperties.test(key)).map(([key, value]) => `${key}=${String(value)}`);
  const properties = entries
    .filter(([key]) => plainProperties.test(key))
    .map(([key, value]) => `-D${key}=${String(value)}`);
  return loadConfig({
    argv: [name, ...properties],
    env: {},
    cwd: '/',
    readFile: (path) => (path === `/${name}` ? file.join('\n') : readFile(path)),
  });
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** What settings mean for a server without machine: its core is driven by somebody else. */
export function coreOptions(
  settings: FlatSettings,
  { sid, startedAt }: { readonly sid: number; readonly startedAt: number },
): { readonly replica: ReplicaOptions; readonly ensemble: EnsembleOptions | undefined } {
  const all = { dataDir: '/data', clientPort: 2181, ...settings };
  const { config, ensemble } = loadSettings(all, (path) => (path.endsWith('/myid') ? String(sid) : undefined));
  return {
    replica: replicaOptions(config, startedAt, ensemble !== undefined),
    ensemble: ensemble && ensembleOptions(config, ensemble),
  };
}
