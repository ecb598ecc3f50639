// What a replica reports about its requests, under the names of the table: counters that the core keeps as fields, and
// durations and sizes as they come.

import type { ReplicaStats } from '@corral/core';
import { eventTypes, opNames, opcodes } from '@corral/protocol';
import type { SummaryName } from './admin/metrics-table.ts';
import type { Metrics } from './admin/metrics.ts';

const firedNames = new Map<number, SummaryName>([
  [eventTypes.nodeCreated, 'node_created_watch_count'],
  [eventTypes.nodeDeleted, 'node_deleted_watch_count'],
  [eventTypes.nodeDataChanged, 'node_changed_watch_count'],
  [eventTypes.nodeChildrenChanged, 'node_children_watch_count'],
]);

/** Durations and sizes go to the metrics as they come. */
export function observeRequests(stats: ReplicaStats, metrics: Metrics): void {
  const [read, readWait] = [metrics.advanced('readlatency'), metrics.advanced('read_commitproc_time_ms')];
  const [update, updateWait] = [metrics.advanced('updatelatency'), metrics.advanced('write_commitproc_time_ms')];
  const local = metrics.advanced('local_write_committed_time_ms');
  const forwarded = metrics.advanced('server_write_committed_time_ms');
  const propagation = metrics.advanced('propagation_latency');
  stats.observe = (name, ms) => {
    switch (name) {
      case 'readlatency':
        read.record(ms);
        return readWait.record(ms);
      case 'updatelatency':
        update.record(ms);
        updateWait.record(ms);
        return local.record(ms);
      case 'forwardedlatency':
        return forwarded.record(ms);
      case 'propagation':
        return propagation.record(ms);
    }
  };
  const released = metrics.summary('reads_issued_from_session_queue');
  stats.observeReleased = (reads) => released.record(reads);
  stats.observeFired = (type, count) => {
    const name = firedNames.get(type);
    if (name !== undefined) metrics.summary(name).record(count);
  };
}

/** Counters that the core keeps as fields. */
export function copyRequestCounters(stats: ReplicaStats, metrics: Metrics): void {
  metrics.counter('connection_request_count').value = stats.connectionRequests;
  metrics.counter('connection_revalidate_count').value = stats.revalidations;
  metrics.counter('stale_sessions_expired').value = stats.staleSessionsExpired;
  metrics.counter('sessionless_connections_expired').value = stats.sessionlessExpired;
  metrics.counter('commit_count').value = stats.commits;
  metrics.counter('digest_mismatches_count').value = stats.digestMismatches;
  metrics.counter('outstanding_changes_removed').value = stats.commits;
  metrics.counter('bytes_received_count').value = stats.bytesReceived;
  metrics.counter('response_bytes').value = stats.bytesSent;
  metrics.counter('watch_bytes').value = stats.eventBytes;
  metrics.counter('ttl_node_created_count').value = stats.ttlNodesCreated;
  metrics.counter('ttl_node_deleted_count').value = stats.ttlNodesDeleted;
  metrics.counter('connection_drop_count').value = stats.hungUp + stats.cutOff;
  metrics.counter('greedy_connections_cut').value = stats.cutOff;
  metrics.counter('watches_refused').value = stats.watchesRefused;
  metrics.counter('cnxn_closed_without_zk_server_running').value = stats.closedWithoutLeader;
  metrics.counter('large_requests_rejected').value = stats.tooLarge;
  let total = 0;
  for (const name of opNames) {
    const count = stats.operations(opcodes[name]);
    metrics.operation(name).value = count;
    total += count;
  }
  metrics.counter('op_count_total').value = total;
}
