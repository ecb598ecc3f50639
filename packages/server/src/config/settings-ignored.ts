// Keys of Apache's that Corral accepts without effect, by reason. A key that ends in `.*` stands for all that begin so.

import type { IgnoredKey, Origin } from './setting.ts';

const group = (
  from: Origin,
  reason: string,
  keys: string,
  asksForSecurity?: IgnoredKey['asksForSecurity'],
): IgnoredKey[] =>
  keys
    .trim()
    .split(/\s+/)
    .map((key) => ({
      key,
      from,
      reason,
      secret: /password|superPassword/i.test(key) && !/passwordPath/i.test(key),
      ...(asksForSecurity === undefined ? {} : { asksForSecurity }),
    }));

const stores = (prefix: string) =>
  ['keyStore', 'trustStore']
    .flatMap((store) => ['location', 'password', 'passwordPath', 'type'].map((part) => `${prefix}.${store}.${part}`))
    .join(' ');

const tlsKeys = (prefix: string) =>
  [stores(prefix)]
    .concat(
      (
        'protocol enabledProtocols ciphersuites clientAuth hostnameVerification clientHostnameVerification crl ocsp ' +
        'allowReverseDnsLookup handshakeDetectionTimeoutMillis context.supplier.class'
      )
        .split(' ')
        .map((name) => `${prefix}.${name}`),
    )
    .join(' ');

export const ignoredKeys: readonly IgnoredKey[] = [
  ...group(
    'cfg',
    'it tunes the Java virtual machine; Corral reports pauses of its event loop without being asked',
    'jvm.pause.monitor jvm.pause.info-threshold.ms jvm.pause.warn-threshold.ms jvm.pause.sleep.time.ms',
  ),
  ...group(
    'cfg',
    'it sizes threads of the Java metrics provider; Corral answers scrapes without threads',
    'metricsProvider.numWorkerThreads metricsProvider.maxQueueSize metricsProvider.workerShutdownTimeoutMs',
  ),
  ...group('cfg', 'it sizes a Java thread pool; Corral has one thread for requests', 'quorum.cnxn.threads.size'),
  ...group(
    'property',
    'it sizes a Java thread pool or its shutdown; Corral has one thread for requests',
    `nio.numSelectorThreads nio.numWorkerThreads nio.directBufferBytes nio.shutdownTimeout
     commitProcessor.numWorkerThreads commitProcessor.maxReadBatchSize commitProcessor.maxCommitBatchSize
     commitProcessor.shutdownTimeout request_throttler.shutdownTimeout watcherCleanThreadsNum`,
  ),
  ...group(
    'property',
    'it chooses or tunes a Java network library; Corral has one, which does both TLS and plain connections',
    'serverCnxnFactory clientCnxnSocket netty.advancedFlowControl.enabled netty.server.outstandingHandshake.limit',
  ),
  ...group(
    'cfg',
    'all addresses of a member are dialled at once, and the first that answers is taken',
    'multiAddress.reachabilityCheckEnabled multiAddress.reachabilityCheckTimeoutMs',
  ),
  ...group(
    'property',
    'a new leader waits for followers, and brings each up to date, within initLimit',
    'leader.maxTimeToWaitForEpoch',
  ),
  ...group(
    'property',
    'members are brought up to date in small pieces, side by side, from one thread',
    'leader.maxConcurrentSnapSyncs leader.maxConcurrentDiffSyncs',
  ),
  ...group(
    'property',
    'a member that is behind gets what memory holds (commitLogCount), or a snapshot; logs are not read for it',
    'snapshotSizeFactor',
  ),
  ...group(
    'property',
    'an observer looks for a leader at once, and ever more rarely while there is none',
    'observer.election.DelayMs observer.reconnectDelayMs',
  ),
  ...group(
    'property',
    'no connection between members makes another one wait',
    'learner.closeSocketAsync leader.closeSocketAsync learner.asyncSending',
  ),
  ...group('property', 'an election connection that does not answer is replaced', 'quorumCnxnTimeoutMs'),
  ...group(
    'property',
    'a member that is empty may have lost what it acknowledged: it votes only when all are, or after it was brought up to date',
    'db.autocreate',
  ),
  ...group('property', 'the leader checks access, with the same answer', 'enableEagerACLCheck'),
  ...group('property', 'it tunes the Java HTTP server of the AdminServer', 'admin.httpVersion admin.idleTimeout'),
  ...group(
    'property',
    'Corral writes to the log in groups by itself: a group is what arrived during the previous fsync',
    'flushDelay maxWriteQueuePollTime maxBatchSize',
  ),
  ...group(
    'property',
    'it sizes a cache or buffer that Corral does not need',
    'maxResponseCacheSize maxGetChildrenResponseCacheSize intBufferStartingSizeBytes bitHashCacheSize',
  ),
  ...group(
    'property',
    'Corral has one watch table, with all kinds of watches',
    `watchManagerName watcherCleanThreshold watcherCleanIntervalInSeconds maxInProcessingDeadWatchers`,
  ),
  ...group(
    'property',
    'a debugging aid of the Java server',
    `messageTracker.Enabled messageTracker.BufferSize pathStats.* follower.skipLearnerRequestToNextProcessor
     forward_learner_requests_to_commit_processor_disabled`,
  ),
  ...group(
    'property',
    'it belongs to clients',
    `disableAutoWatchReset request.timeout client.secure sasl.client sasl.client.username sasl.clientconfig
     server.realm`,
  ),
  ...group('property', 'TLS is not part of this version', `${tlsKeys('ssl')} ssl.authProvider client.certReload`),
  ...group('property', 'TLS is not part of this version', `${tlsKeys('ssl.quorum')} fips-mode`),
  ...group(
    'property',
    'identities by certificate need TLS, which is not part of this version',
    'X509AuthenticationProvider.superUser',
  ),
  ...group(
    'property',
    'SASL and Kerberos are not part of this version',
    `sasl.serverconfig letAnySaslUserDoX SASLAuthenticationProvider.superPassword
     superUser superUser.* kerberos.removeHostFromPrincipal kerberos.removeRealmFromPrincipal
     kerberos.canonicalizeHostNames`,
  ),
  ...group(
    'cfg',
    'SASL and Kerberos are not part of this version',
    `quorum.auth.learner.saslLoginContext quorum.auth.server.saslLoginContext
     quorum.auth.kerberos.servicePrincipal`,
  ),
  ...group(
    'property',
    'it names Java classes; digest, ip and world are built in, others are not part of this version',
    'ensembleAuthName',
  ),
  ...group(
    'property',
    'it names Java classes; digest, ip and world are built in, others are not part of this version',
    'authProvider.*',
    (name) => !/\.(Digest|IP)AuthenticationProvider$/.test(name.trim()),
  ),
  ...group(
    'property',
    'clients cannot authenticate by SASL in this version',
    'requireClientAuthScheme',
    (schemes) => schemes.trim() !== '',
  ),
  ...group(
    'property',
    'clients cannot authenticate by SASL in this version',
    'allowSaslFailedClients',
    (value) => value.trim().toLowerCase() !== 'true',
  ),
  ...group(
    'property',
    'the audit log is not part of this version',
    'audit.enable',
    (value) => value.trim().toLowerCase() === 'true',
  ),
  ...group('property', 'the audit log is not part of this version', 'audit.impl.class'),
  ...group('cfg', 'two-server ensembles with an oracle are not supported', 'oraclePath'),
];
