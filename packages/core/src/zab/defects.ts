// Known defects that can be put back in, each with what it does wrong. Only a simulation does so, to show that its checkers
// find them; no configuration of a server leads here. A letter and a number are those of the defects' catalogue in
// docs/simulation-mutants.md; most are, or were, in other implementations of this protocol.

export const knownDefects = {
  // Elections and epochs.
  A02: 'an epoch that was promised before is promised again, as if it counted',
  A10: 'a candidate that cannot be reached is voted for again and again',
  A11: 'a leader does not notice that it has lost its quorum',
  A37: 'a voter without any data votes as if it had never acknowledged anything',
  'lone-leader': 'a leader begins without waiting for a quorum that has its history',
  'early-announcement': 'an epoch is announced before the leader has it on disk',

  // Synchronisation.
  A01: 'a tail that only the learner has is not cut: it is sent the rest as if it were on the way',
  A12: 'who is elected writes a snapshot of what may not be decided',
  A13: 'a vote and a promise name the end of memory, not the end of the log',
  A14: 'the history of a new leader is acknowledged before it is durable',
  A16: 'the epoch is on disk before the history that belongs to it',
  A17: 'TRUNC cuts the disk, and memory stays as it is',
  A18: 'a history with a gap is sent as if it had none',
  A20: 'what is received during synchronisation is missing in what is later sent to others',
  A21: 'a received snapshot is in memory before it is on disk',
  A24: 'DIFF moves the end of the history before its transactions have come',

  // Broadcast.
  A28: 'the counter of an epoch is never used up',
  A47: 'sync is answered without asking whether this server still leads',
  A50: 'who is synchronised later gets the configuration that its leader was elected with',
  A51: 'a majority of the new configuration is not asked',
  'lone-commit': 'a leader decides what it has itself on disk',

  // Files, which are the host's part.
  'A02-name': 'the name of an epoch file is not made durable',
  A03: 'a history that is newer than the current epoch keeps a server from starting',
  A15: 'a failed disk operation is taken for done',
  A26: 'what TRUNC cuts off and removes is not made durable',
  A30: 'what a killed process has left in the cache is used without making it durable',
  A33: 'the name of a new log file is not made durable',
  A35: 'a snapshot is not made durable before older history is given up',
  A39: 'what an earlier role has asked of the disk goes on in the next one',
  'early-ack': 'a transaction counts as durable before it is',
  'early-promise': 'an epoch file counts as durable before it is',
} as const;

export type Defect = keyof typeof knownDefects;
