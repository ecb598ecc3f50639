// Configurations that arrive with notifications. A server that was away learns from them that the ensemble was
// reconfigured. Anybody who reaches the election port can send one, so it is believed from a member of the
// configuration this server has, or when a quorum of the new one sends the same.

import { EnsembleConfigError, parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { QuorumVerifier } from './quorum.ts';
import type { Quorums } from './quorum.ts';

/** Senders that are remembered although no configuration names them. */
const strangersMax = 64;

export class HeardConfigs {
  /** What strangers sent last. */
  readonly #fromStrangers = new Map<number, string>();
  readonly #malformed: (from: number, reason: string) => void;

  constructor(malformed: (from: number, reason: string) => void) {
    this.#malformed = malformed;
  }

  clear(): void {
    this.#fromStrangers.clear();
  }

  /** The configuration in `text` if it is newer than the committed one and can be believed. */
  newer(from: number, text: string | undefined, quorums: Quorums): EnsembleConfig | undefined {
    if (text === undefined || text === quorums.committed.text) return undefined;
    const config = this.#parse(from, text);
    if (config === undefined || config.version <= quorums.committed.version) return undefined;
    if (quorums.knows(from)) return config;
    if (this.#fromStrangers.size >= strangersMax) this.#fromStrangers.clear();
    this.#fromStrangers.set(from, text);
    return new QuorumVerifier(config).isQuorum((sid) => this.#fromStrangers.get(sid) === text) ? config : undefined;
  }

  #parse(from: number, text: string): EnsembleConfig | undefined {
    try {
      return parseEnsembleConfig(text);
    } catch (error) {
      if (!(error instanceof EnsembleConfigError)) throw error;
      this.#malformed(from, error.message);
      return undefined;
    }
  }
}
