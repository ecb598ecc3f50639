// The files in which an ensemble that may be reconfigured keeps its configuration: `<zoo.cfg>.dynamic.next` while one is
// proposed, `<zoo.cfg>.dynamic.<version>` once it is in force. The static file then names the latter and has no server lines
// of its own. Each file is replaced as a whole and durably, in an order that leaves a usable set after a crash at any point.

import * as path from 'node:path';
import { formatEnsembleConfig, zxidHex } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { NodeFiles, errorCode } from '../storage/node-files.ts';

/** Keys that move from the static file to the dynamic one. */
const movedKeys = /^\s*(server\.|group\.|weight\.|dynamicConfigFile\b|peerType\b)/;

export class DynamicConfig {
  readonly #files = new NodeFiles();
  readonly #staticFile: string;
  readonly #sid: number;

  /** `staticFile`: absolute path of zoo.cfg. */
  constructor(staticFile: string, sid: number) {
    this.#staticFile = staticFile;
    this.#sid = sid;
  }

  static nextFile(staticFile: string): string {
    return `${staticFile}.dynamic.next`;
  }

  write(which: 'next' | 'active', config: EnsembleConfig): void {
    if (which === 'next') this.#write(DynamicConfig.nextFile(this.#staticFile), formatEnsembleConfig(config));
    else this.#activate(config);
  }

  #activate(config: EnsembleConfig): void {
    const dynamicFile = `${this.#staticFile}.dynamic.${zxidHex(config.version)}`;
    const lines = formatEnsembleConfig(config)
      .split('\n')
      .filter((line) => !line.startsWith('version='))
      .sort();
    this.#write(dynamicFile, lines.join('\n'));
    this.#rewriteStatic(dynamicFile, config);
    const next = DynamicConfig.nextFile(this.#staticFile);
    if (this.#read(next)?.endsWith(`version=${zxidHex(config.version)}`) === true) this.#files.remove(next);
  }

  /** The user's lines stay as they are; only what the dynamic file says now goes. */
  #rewriteStatic(dynamicFile: string, config: EnsembleConfig): void {
    const before = this.#read(this.#staticFile) ?? '';
    const ownPort = config.members.get(this.#sid)?.client;
    const kept = before
      .split(/\r?\n/)
      .filter(
        (line) => !movedKeys.test(line) && (ownPort === undefined || !/^\s*clientPort(Address)?\s*[=:]/.test(line)),
      );
    while (kept.at(-1)?.trim() === '') kept.pop();
    const after = [...kept, `dynamicConfigFile=${path.resolve(dynamicFile)}`, ''].join('\n');
    if (after === before) return;
    if (/^\s*server\./m.test(before)) this.#write(`${this.#staticFile}.bak`, before);
    this.#write(this.#staticFile, after);
  }

  #write(file: string, text: string): void {
    this.#files.writeDurably(file, new TextEncoder().encode(text));
  }

  #read(file: string): string | undefined {
    try {
      return new TextDecoder().decode(this.#files.read(file, 0, this.#files.size(file)));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
