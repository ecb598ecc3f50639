// The table of metrics: every name that ZooKeeper's monitor shows, with what it means here. The registry (metrics.ts),
// the three outputs (metrics-text.ts) and docs/reference/metrics.md come from it. Times are milliseconds unless a name
// says otherwise. Rows that only an ensemble moves stay at zero on a standalone server, where Apache shows them too; those
// about parts that only the Java server has are there for the charts that name them, and say so.

/** Values read from the server when someone looks. The order is that of the first lines of mntr. */
export const gauges = {
  ephemerals_count: 'Ephemeral nodes.',
  num_alive_connections: 'Open client connections.',
  avg_latency: 'Mean time from reading a request to answering it.',
  outstanding_requests: 'Requests in work.',
  znode_count: 'Nodes of the tree.',
  global_sessions: 'Sessions known to every server.',
  max_latency: 'Longest time to answer a request.',
  min_latency: 'Shortest time to answer a request.',
  packets_received: 'Requests and four-letter words read.',
  packets_sent: 'Replies and watch events written.',
  uptime: 'Time since the server began to serve.',
  watch_count: 'Watches set.',
  watch_memory_bytes: 'Memory for watches. Not in Apache.',
  client_input_bytes: 'Bytes of requests that have not arrived completely. Not in Apache.',
  client_output_bytes: 'Bytes of answers and events that clients have not read. Not in Apache.',
  approximate_data_size: 'Bytes of paths and data in the tree.',
  local_sessions: 'Sessions known to this server only.',
  open_file_descriptor_count: 'Open files and sockets of the process.',
  max_file_descriptor_count: 'Files and sockets the process may open.',
  connection_drop_probability: 'Chance that the connection throttle refuses a connection.',
  last_client_response_size: 'Bytes of the last reply.',
  max_client_response_size: 'Bytes of the largest reply.',
  min_client_response_size: 'Bytes of the smallest reply.',
  outstanding_tls_handshake: 'TLS handshakes under way.',
  auth_failed_count: 'Authentications that failed.',
  txns_too_long_count:
    'Writes refused because their transaction would be longer than other servers read: jute.maxbuffer and its extra size.',
  non_mtls_remote_conn_count: 'Connections from other machines without a client certificate.',
  non_mtls_local_conn_count: 'Connections from this machine without a client certificate.',
} as const;

/** Values that exist only in some roles; a server reports those of its present role. */
export const roleGauges = {
  quorum_size: 'Voting members.',
  observer_master_id: 'The server that this observer gets everything from.',
  learners: 'Followers and observers connected to this leader.',
  synced_followers: 'Followers in step with this leader.',
  synced_non_voting_followers: 'Followers in step that do not vote.',
  synced_observers: 'Observers in step.',
  pending_syncs: 'sync operations that wait.',
  leader_uptime: 'Time since this server leads.',
  last_proposal_size: 'Bytes of the last proposal.',
  max_proposal_size: 'Bytes of the largest proposal.',
  min_proposal_size: 'Bytes of the smallest proposal.',
} as const;

/** Values per first path element. */
export const gaugeSets = {
  quota_count_limit_per_namespace: 'Limit on the number of nodes.',
  quota_bytes_limit_per_namespace: 'Limit on the bytes of data.',
  quota_count_usage_per_namespace: 'Nodes counted against a limit.',
  quota_bytes_usage_per_namespace: 'Bytes counted against a limit.',
} as const;

export const counters = {
  snapshot_error_count: 'Snapshots over HTTP that failed.',
  snapshot_rate_limited_count: 'Snapshots over HTTP refused because the last was too recent.',
  restore_error_count: 'Restores over HTTP that failed.',
  restore_rate_limited_count: 'Restores over HTTP refused because the last was too recent.',
  looking_count: 'Elections entered.',
  diff_count: 'Members brought up to date with a log tail.',
  snap_count: 'Members brought up to date with a snapshot.',
  commit_count: 'Transactions decided by this leader.',
  connection_request_count: 'Session requests received.',
  connection_rejected: 'Connections refused because of a limit.',
  bytes_received_count: 'Bytes read from clients.',
  unrecoverable_error_count: 'Errors after which the server stops.',
  add_dead_watcher_stall_time: 'Of the optimised watch table, which Corral does not have: always 0.',
  dead_watchers_queued: 'Of the optimised watch table, which Corral does not have: always 0.',
  dead_watchers_cleared: 'Of the optimised watch table, which Corral does not have: always 0.',
  response_packet_cache_hits: 'Of the reply cache, which Corral does not have: always 0.',
  response_packet_cache_misses: 'Of the reply cache, which Corral does not have: always 0.',
  response_packet_get_children_cache_hits: 'Of the reply cache, which Corral does not have: always 0.',
  response_packet_get_children_cache_misses: 'Of the reply cache, which Corral does not have: always 0.',
  ensemble_auth_success: 'Of a check of ensemble names, which Corral does not have: always 0.',
  ensemble_auth_fail: 'Of a check of ensemble names, which Corral does not have: always 0.',
  ensemble_auth_skip: 'Of a check of ensemble names, which Corral does not have: always 0.',
  prep_processor_request_queued: 'Requests prepared by this leader.',
  outstanding_changes_queued: 'Changes prepared and not yet applied, total.',
  outstanding_changes_removed: 'Prepared changes that were applied.',
  revalidate_count: 'Sessions checked for another server.',
  connection_drop_count: 'Connections closed by the server.',
  connection_revalidate_count: 'Sessions that moved here from another server.',
  sessionless_connections_expired: 'Connections closed because no session was begun in time.',
  stale_sessions_expired: 'Sessions expired.',
  request_commit_queued: 'Decided transactions that were applied.',
  throttled_ops: 'Of a request throttle, which Corral does not have: always 0.',
  learner_proposal_received_count: 'Proposals received from a leader.',
  learner_commit_received_count: 'Decisions received from a leader.',
  sync_processor_request_queued: 'Transactions handed to the log.',
  proposal_count: 'Proposals made by this leader.',
  quit_leading_due_to_disloyal_voter: 'Times leading was given up because a voter turned away.',
  stale_requests: 'A request goes with its connection: always 0.',
  stale_requests_dropped: 'A request goes with its connection: always 0.',
  stale_replies: 'A reply goes with its connection: always 0.',
  request_throttle_wait_count: 'Of a request throttle, which Corral does not have: always 0.',
  large_requests_rejected: 'Large requests refused.',
  digest_mismatches_count: 'Transactions after which the digest of the tree differed.',
  unsuccessful_handshake: 'Of TLS, which Corral does not speak yet: always 0.',
  insecure_admin_count: 'Of ports for both HTTP and HTTPS, which Corral does not have: always 0.',
  tls_handshake_exceeded: 'Of a limit that Corral does not have: always 0.',
  cnxn_closed_without_zk_server_running: 'Connections closed because the server did not serve.',
  skip_learner_request_to_next_processor_count: 'Of a switch of the Java server: always 0.',
  requests_not_forwarded_to_commit_processor: 'Of a switch of the Java server: always 0.',
  response_bytes: 'Bytes of replies.',
  watch_bytes: 'Bytes of watch events.',
  ttl_node_created_count: 'TTL nodes created.',
  ttl_node_deleted_count: 'TTL nodes removed when their time was over.',
  op_count_total: 'Operations answered.',
  greedy_connections_cut:
    'Connections closed because they held most of the memory for requests or answers. Not in Apache.',
  watches_refused: 'Requests refused because of a limit of watches. Not in Apache.',
  strangers_refused: 'Connections at the quorum and election ports from addresses of no member. Not in Apache.',
} as const;

/** Counters per first path element. */
export const counterSets = {
  quota_exceeded_error_per_namespace: 'Writes refused because of a quota.',
} as const;

/** Count, sum, least and largest of what was recorded. */
export const summaries = {
  fsynctime: 'Time of an fsync of the log.',
  snapshottime: 'Time to write a snapshot.',
  restore_time: 'Time to restore from a snapshot.',
  dbinittime: 'Time to load the tree at start.',
  follower_sync_time: 'Time of a follower to catch up.',
  observer_sync_time: 'Time of an observer to catch up.',
  election_time: 'Time of an election.',
  connection_token_deficit: 'Of a connection throttle, which Corral does not have: always 0.',
  inflight_snap_count: 'Snapshots being sent to members when one began.',
  inflight_diff_count: 'Log tails being sent to members when one began.',
  node_created_watch_count: 'Watches fired by one creation.',
  node_deleted_watch_count: 'Watches fired by one deletion.',
  node_changed_watch_count: 'Watches fired by one change of data.',
  node_children_watch_count: 'Watches fired by one change of children.',
  prep_processor_queue_size: 'Requests are prepared as they come: always 0.',
  prep_process_time: 'Far below a millisecond, and not measured: always 0.',
  proposal_process_time: 'Far below a millisecond, and not measured: always 0.',
  unavailable_time: 'Time without a leader.',
  leader_unavailable_time: 'Time without a leader, as the new leader saw it.',
  requests_in_session_queue: 'Of queues between threads of the Java server: always 0.',
  pending_session_queue_size: 'Of queues between threads of the Java server: always 0.',
  reads_after_write_in_session_queue: 'Of queues between threads of the Java server: always 0.',
  reads_issued_from_session_queue: 'Reads that waited behind a write of their session and were answered together.',
  session_queues_drained: 'Of queues between threads of the Java server: always 0.',
  time_waiting_empty_pool_in_commit_processor_read_ms: 'Of a thread pool of the Java server: always 0.',
  write_batch_time_in_commit_processor: 'Far below a millisecond, and not measured: always 0.',
  concurrent_request_processing_in_commit_processor: 'Of a thread pool of the Java server: always 0.',
  read_commit_proc_req_queued: 'Reads are answered as they come, or behind a write of their session: always 0.',
  write_commit_proc_req_queued: 'Writes waiting to be applied, looked at when a group goes to the log.',
  commit_commit_proc_req_queued: 'Decided transactions applied between two writes of the log.',
  read_commit_proc_issued: 'Reads are answered as they come, or behind a write of their session: always 0.',
  write_commit_proc_issued: 'The same.',
  commit_process_time: 'What is decided is applied at once: always 0.',
  startup_txns_loaded: 'Transactions read from the log at start.',
  startup_txns_load_time: 'Counted in dbinittime: always 0.',
  startup_snap_load_time: 'Counted in dbinittime: always 0.',
  sync_processor_queue_size: 'Transactions waiting for the log.',
  sync_process_time: 'Time to write a group of transactions and make it durable.',
  sync_processor_batch_size: 'Transactions made durable by one fsync.',
  netty_queued_buffer_capacity: 'Of a library of the Java server: always 0.',
  learner_request_processor_queue_size: 'Requests of members are prepared as they come: always 0.',
  socket_closing_time: 'Sockets are closed aside: always 0.',
} as const;

export const summarySets = {
  write_per_namespace: 'Would cost every request time, and is not kept: never shown.',
  read_per_namespace: 'Would cost every request time, and is not kept: never shown.',
  learner_handler_qp_size: 'Bytes waiting to be sent to a member, looked at with every ping.',
} as const;

/** Summaries with percentiles. */
export const advancedSummaries = {
  readlatency: 'Time to answer a read.',
  updatelatency: 'Time to answer a write.',
  propagation_latency: 'Time from the proposal of a write to applying it here, by the clocks of both servers.',
  dead_watchers_cleaner_latency: 'Of the optimised watch table, which Corral does not have: always 0.',
  prep_processor_queue_time_ms: 'Requests are prepared as they come: always 0.',
  close_session_prep_time: 'Far below a millisecond, and not measured: always 0.',
  read_commitproc_time_ms: 'Wait of a read before it is answered.',
  write_commitproc_time_ms: 'Wait of a write until it is decided.',
  local_write_committed_time_ms: 'Wait of a write from here until it is decided.',
  server_write_committed_time_ms: 'Wait of a write from elsewhere until it is decided.',
  om_proposal_process_time_ms: 'Observers get everything from the leader: always 0.',
  om_commit_process_time_ms: 'Observers get everything from the leader: always 0.',
  read_final_proc_time_ms: 'Far below a millisecond, and not measured: always 0.',
  write_final_proc_time_ms: 'Far below a millisecond, and not measured: always 0.',
  proposal_latency: 'Requests are prepared and proposed as they come: always 0.',
  proposal_ack_creation_latency: 'Time from the proposal to its acknowledgement.',
  commit_propagation_latency: 'What is decided is applied at once: always 0.',
  sync_processor_queue_and_flush_time_ms: 'Wait of a proposal of this leader until it is durable here.',
  sync_processor_queue_time_ms: 'Counted in sync_processor_queue_and_flush_time_ms: always 0.',
  sync_processor_queue_flush_time_ms: 'Time to make a group of transactions durable.',
  quorum_ack_latency: 'Time until a majority has acknowledged.',
  request_throttle_queue_time_ms: 'Of a request throttle, which Corral does not have: always 0.',
  jvm_pause_time_ms: 'How late each tick of the server came: pauses of the event loop.',
} as const;

export const advancedSummarySets = {
  learner_handler_qp_time_ms: 'How long something has been waiting to be sent to a member, looked at with every ping.',
  ack_latency: 'Time until a member has acknowledged, per member.',
} as const;

export type GaugeName = keyof typeof gauges;
export type RoleGaugeName = keyof typeof roleGauges;
export type GaugeSetName = keyof typeof gaugeSets;
export type CounterName = keyof typeof counters;
export type CounterSetName = keyof typeof counterSets;
export type SummaryName = keyof typeof summaries;
export type SummarySetName = keyof typeof summarySets;
export type AdvancedSummaryName = keyof typeof advancedSummaries;
export type AdvancedSummarySetName = keyof typeof advancedSummarySets;

/** The name of the counter of one operation, as in `op_count_get_data`. */
export const operationCounter = (operation: string): string =>
  `op_count_${operation.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)}`;
