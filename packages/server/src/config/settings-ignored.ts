// Keys of Apache's that Corral accepts without effect, by reason. A key that ends in `.*` stands for all that begin so.

import type { IgnoredKey, Origin } from './setting.ts';

const group = (from: Origin, reason: string, keys: string): IgnoredKey[] =>
  keys
    .trim()
    .split(/\s+/)
    .map((key) => ({ key, from, reason, secret: /password|superPassword/i.test(key) && !/passwordPath/i.test(key) }));

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
    `sasl.serverconfig letAnySaslUserDoX allowSaslFailedClients SASLAuthenticationProvider.superPassword
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
    'authProvider.* ensembleAuthName',
  ),
  ...group('property', 'the audit log is not part of this version', 'audit.enable audit.impl.class'),
  ...group('cfg', 'two-server ensembles with an oracle are not supported', 'oraclePath'),
];
