// Configurations that arrive with notifications. A server that was away learns from them that the ensemble was
// reconfigured. Anybody who reaches the election port can send one in any name, so none is believed for its sender's name
// alone. One is enough that came on a connection which this server has opened, to the address where its own configuration
// has that member. Otherwise a quorum, of the configuration here or of the new one, has to say the same without this
// server: at least one of them a member here, and all that are members here reached at their addresses. Even then it is only kept in memory,
// to find the leader by; that leader's word is what is written to the disk.

import { EnsembleConfigError, parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { QuorumVerifier } from './quorum.ts';
import type { Quorums } from './quorum.ts';

/** Senders that are remembered. */
const sendersMax = 64;

/** How far it is certain who a sender is. `dialled`: it answers at its address; `reached`: somebody does. */
export type Proof = 'dialled' | 'reached' | 'none';

export class HeardConfigs {
  /** What each sender sent last. */
  readonly #texts = new Map<number, string>();
  readonly #self: number;
  readonly #proof: (sid: number) => Proof;
  readonly #malformed: (from: number, reason: string) => void;

  constructor(self: number, proof: (sid: number) => Proof, malformed: (from: number, reason: string) => void) {
    this.#self = self;
    this.#proof = proof;
    this.#malformed = malformed;
  }

  clear(): void {
    this.#texts.clear();
  }

  /** The configuration in `text` if it is newer than the committed one and can be believed. */
  newer(from: number, text: string | undefined, quorums: Quorums): EnsembleConfig | undefined {
    if (text === undefined || text === quorums.committed.text) return void this.#texts.delete(from);
    const config = this.#parse(from, text);
    if (config === undefined || config.version <= quorums.committed.version) return void this.#texts.delete(from);
    if (!this.#texts.has(from) && this.#texts.size >= sendersMax) this.#texts.clear();
    this.#texts.set(from, text);
    if (quorums.knows(from) && this.#proof(from) === 'dialled') return config;
    const says = (sid: number): boolean => {
      if (sid === this.#self || this.#texts.get(sid) !== text) return false;
      return !quorums.knows(sid) || this.#proof(sid) !== 'none';
    };
    const isSaid = quorums.committed.isQuorum(says) || new QuorumVerifier(config).isQuorum(says);
    return isSaid && [...quorums.committed.config.members.keys()].some(says) ? config : undefined;
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
