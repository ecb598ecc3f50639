// One member of an ensemble in the place of a single server: the checks written for a standalone server run against the
// leader, a follower or an observer, and a restart restarts that member alone.

import { Ensemble } from './ensemble.mjs';

export const roles = ['follower', 'leader', 'observer'];

export class OneOf {
  constructor(ensemble, member) {
    this.ensemble = ensemble;
    this.member = member;
  }

  /** 'ensemble:follower' for Corral, 'apache-ensemble:follower' for Apache; null for what names no ensemble. */
  static parse(text) {
    const [, kind = 'corral', role] = /^(?:(\w+)-)?ensemble:(\w+)$/.exec(text) ?? [];
    if (role === undefined) return null;
    if (!roles.includes(role)) throw new Error(`${text}: the role is one of ${roles.join(', ')}`);
    return { kind, role };
  }

  /** Starts three voters and an observer, and takes the one that has the role. */
  static async fresh({ kind, role }, settings = {}) {
    const ensemble = await Ensemble.prepare([kind, kind, kind, kind], { observersFrom: 4, portInLine: true, settings });
    try {
      await ensemble.start();
      const leader = await ensemble.leader();
      const follower = ensemble.members.find((member) => member !== leader);
      return new OneOf(ensemble, { leader, follower, observer: ensemble.member(4) }[role]);
    } catch (error) {
      await ensemble.close();
      throw error;
    }
  }

  get kind() {
    return this.member.kind;
  }

  get port() {
    return this.member.port;
  }

  get connectString() {
    return this.member.connectString;
  }

  get logFile() {
    return this.member.logFile;
  }

  start() {
    return this.member.start();
  }

  stop(signal) {
    return this.member.stop(signal);
  }

  restart(signal) {
    return this.member.restart(signal);
  }

  close(options) {
    return this.ensemble.close(options);
  }
}
