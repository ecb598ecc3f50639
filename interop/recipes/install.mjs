// Curator, into .interop/, and the program that uses it.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPython, once, store } from '../lib/install.mjs';
import { run } from '../lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const pom = join(here, 'pom.xml');
const [, version] = /<artifactId>curator-recipes<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(pom, 'utf8'));
const jars = join(store, `curator-${version}`);
const classes = join(store, 'curator-classes');

/** What goes after `java -cp`. */
export const curatorClasspath = () => `${classes}:${join(jars, '*')}`;

export async function installCurator() {
  await once('curator', join(jars, `curator-recipes-${version}.jar`), [pom], () =>
    run('mvn', ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], {
      timeoutMs: 300_000,
    }),
  );
}

/** Compiles a program of one file, once for each content. */
export async function compile(name, file) {
  await once(`curator-${name}`, join(classes, `${name}.class`), [file, pom], async () => {
    if (!existsSync(classes)) mkdirSync(classes, { recursive: true });
    await run('javac', ['-proc:none', '-nowarn', '-d', classes, '-cp', join(jars, '*'), file]);
  });
}

export async function installPartners() {
  await installPython();
  await installCurator();
  await compile('Partner', join(here, 'Partner.java'));
}
