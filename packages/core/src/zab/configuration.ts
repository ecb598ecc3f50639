// The configuration of a member: the one in force and the newer one that was proposed last, each kept in a file of the
// host. Both come by many ways (a proposal, a new leader, a notification, a file), and an older one never replaces a newer.

import { epochOf } from '@corral/protocol';
import type { EnsembleConfig, Epoch, Zxid } from '@corral/protocol';
import { Quorums } from './quorum.ts';

export class Configuration {
  quorums: Quorums;
  readonly #isFixed: boolean;
  /** In force in memory only: what others say, and no leader has confirmed. */
  #hearsay: Zxid | undefined;
  readonly #keep: (which: 'next' | 'active', config: EnsembleConfig) => void;

  /** `keep` writes the file; the quorums are those of the change by then. */
  constructor(
    options: {
      readonly config: EnsembleConfig;
      readonly nextConfig?: EnsembleConfig;
      readonly reconfigEnabled: boolean;
    },
    keep: (which: 'next' | 'active', config: EnsembleConfig) => void,
  ) {
    this.quorums = new Quorums(options.config, options.nextConfig);
    this.#isFixed = !options.reconfigEnabled;
    this.#keep = keep;
  }

  propose(config: EnsembleConfig): void {
    const { committed, newest } = this.quorums;
    if (this.#isFixed || config.version <= newest.version) return;
    this.quorums = new Quorums(committed.config, config);
    this.#keep('next', config);
  }

  /** Brings into force what others say is in force, as long as this server runs. */
  believe(config: EnsembleConfig): void {
    const { committed, lastSeen } = this.quorums;
    if (this.#isFixed || config.version <= committed.version) return;
    this.quorums = new Quorums(config, lastSeen?.config);
    this.#hearsay = config.version;
  }

  activate(config: EnsembleConfig): void {
    const { committed, lastSeen } = this.quorums;
    if (this.#isFixed || config.version < committed.version) return;
    if (config.version === committed.version && this.#hearsay !== config.version) return;
    this.#hearsay = undefined;
    this.quorums = new Quorums(config, lastSeen?.config);
    this.#keep('active', config);
  }

  /** The leader of `epoch` is established without what an earlier one proposed: no majority of that is needed any more. */
  abandonProposed(epoch: Epoch): void {
    const { committed, lastSeen } = this.quorums;
    if (lastSeen === undefined || epochOf(lastSeen.version) >= epoch) return;
    this.quorums = new Quorums(committed.config);
    this.#keep('next', committed.config);
  }
}
