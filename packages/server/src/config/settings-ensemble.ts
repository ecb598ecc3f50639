// Settings of members of an ensemble: read and checked now, so that an existing zoo.cfg starts; used when the server
// has company. A chapter of the table in settings.ts.

import { boolean, integer, path, peers, port, word, yesNo } from './kinds.ts';
import { cfg, ensemble, later, property, refused } from './setting.ts';

/** A million proposals before the end: no batch is larger. */
const counterMax = 0xffffffff - (1 << 20);

const ms = { unit: 'milliseconds' } as const;
const ticks = { unit: 'ticks' } as const;

export const ensembleSettings = {
  initLimitTicks: ensemble(
    cfg('initLimit', integer(ticks), 10, 'Time a follower has to connect to the leader and catch up.', {
      image: 'ZOO_INIT_LIMIT',
    }),
  ),
  syncLimitTicks: ensemble(
    cfg('syncLimit', integer(ticks), 5, 'Time after which a silent follower is dropped.', { image: 'ZOO_SYNC_LIMIT' }),
  ),
  connectToLearnerMasterLimitTicks: ensemble(
    cfg('connectToLearnerMasterLimit', integer(ticks), 0, 'Time to connect to the leader; 0 is initLimit.'),
  ),
  electionAlg: ensemble(cfg('electionAlg', word(['3']), '3', 'Election algorithm; there is one.')),
  quorumListenOnAllIps: ensemble(cfg('quorumListenOnAllIPs', boolean, false, 'Listen for members on all addresses.')),
  peerType: ensemble(cfg('peerType', word(['participant', 'observer']), 'participant', 'Whether this member votes.')),
  observerSyncEnabled: later(cfg('syncEnabled', boolean, true, 'Observers write logs and snapshots.')),
  observerMasterPort: later(cfg('observerMasterPort', port, undefined, 'Port on which followers feed observers.')),
  standaloneEnabled: cfg('standaloneEnabled', boolean, true, 'A single server.N line makes a standalone server.', {
    image: 'ZOO_STANDALONE_ENABLED',
  }),
  reconfigEnabled: ensemble(cfg('reconfigEnabled', boolean, false, 'Members may be changed while running.')),
  dynamicConfigFile: cfg('dynamicConfigFile', path, undefined, 'File with the server.N, group.N and weight.N lines.'),
  quorumAllowedAddresses: ensemble(
    cfg(
      'quorum.allowedAddresses',
      peers,
      undefined,
      'From where somebody may speak at the quorum and election ports, as members do not authenticate: `members`, from the ' +
        "addresses of the configuration's members only; a list of IP addresses and subnets: from these besides; `any`. " +
        'A member that calls from another address than its name has must be in the list. Not in Apache.',
      { fallbackText: 'members; any with reconfigEnabled=true, since servers join that no configuration names yet' },
    ),
  ),
  sslQuorum: refused(cfg('sslQuorum', boolean, false, 'Members talk over TLS.')),
  quorumPortUnification: refused(cfg('portUnification', boolean, false, 'Members may talk over TLS or plainly.')),
  sslQuorumReloadCertFiles: later(cfg('sslQuorumReloadCertFiles', boolean, false, 'Reload changed certificates.')),
  quorumAuthEnableSasl: refused(cfg('quorum.auth.enableSasl', boolean, false, 'Members may authenticate by SASL.')),
  quorumAuthServerRequireSasl: refused(
    cfg('quorum.auth.serverRequireSasl', boolean, false, 'Members must authenticate when they connect.'),
  ),
  quorumAuthLearnerRequireSasl: refused(
    cfg('quorum.auth.learnerRequireSasl', boolean, false, 'Members must authenticate to the leader.'),
  ),
  multiAddressEnabled: ensemble(cfg('multiAddress.enabled', boolean, false, 'A member may have several addresses.')),
  commitLogCount: ensemble(
    property(
      'commitLogCount',
      integer({ min: 500, raisedToMin: true, unit: 'transactions' }),
      20_000,
      'Transactions kept in memory, up to 32 MB of them, for members that fell behind a little: who is further behind ' +
        'gets a snapshot. Differs from Apache, where it is 500.',
    ),
  ),
  setAsideDamage: ensemble(
    cfg(
      'setAsideDamage',
      boolean,
      true,
      'A member whose history is damaged sets it aside and gets it from the others; false: it refuses to start.',
    ),
  ),
  epochTxnsMax: ensemble(
    property(
      'leader.epochTxnsMax',
      integer({ min: 100, max: counterMax, unit: 'transactions' }),
      counterMax,
      'After so many a leader lets another epoch begin: the counter in a zxid ends at 4294967295.',
    ),
  ),
  leaderServes: ensemble(
    property(
      'leaderServes',
      yesNo,
      true,
      'The leader accepts clients; no: it closes their connections. Four-letter words and the AdminServer answer in any case.',
    ),
  ),
  cnxTimeoutSeconds: ensemble(
    property('cnxTimeout', integer({ min: 1, unit: 'seconds' }), 5, 'Time to connect for an election.'),
  ),
  electionPortBindRetry: ensemble(
    property('electionPortBindRetry', integer(), 3, 'Tries to bind the election port; 0 is without end.'),
  ),
  notificationIntervalMinMs: ensemble(
    property('fastleader.minNotificationInterval', integer({ min: 1, ...ms }), 200, 'Shortest wait between votes.'),
  ),
  notificationIntervalMaxMs: ensemble(
    property('fastleader.maxNotificationInterval', integer({ min: 1, ...ms }), 60000, 'Longest wait between votes.'),
  ),
  observerSyncEnabledProperty: later(
    property('observer.syncEnabled', boolean, true, 'The same as syncEnabled, as a system property.'),
  ),
  tcpKeepAlive: ensemble(property('tcpKeepAlive', boolean, false, 'TCP keep-alive between members.')),
};
