// What the errors mean to somebody who has just met one, and what to do. `corral explain` prints all of it, a failed
// command the last part.

export interface Explanation {
  readonly meaning: string;
  readonly advice: string;
}

export const explanations: Readonly<Record<string, Explanation>> = {
  AuthFailed: {
    meaning: 'The server does not accept the identity, and has closed the connection.',
    advice: 'check scheme and id of --auth or of the context: digest:user:password',
  },
  BadArguments: {
    meaning:
      'The server refuses the request itself: a path that is not allowed, a TTL out of bounds, or a bad membership.',
    advice: 'nodes of the server itself (/zookeeper) stay; for memberships see corral cluster reconfig --help',
  },
  BadVersion: {
    meaning: 'Somebody else changed the node since you read it: every change adds one to its version.',
    advice: 'read it again (corral get, corral stat), decide again, and repeat with the new version',
  },
  ConnectFailed: {
    meaning: 'No server could be reached at any of the addresses.',
    advice: 'check --server; corral ping tries it alone, corral dev starts a server to play with',
  },
  ConnectionLoss: {
    meaning: 'The connection broke before the answer came. A write that was under way may have happened or not.',
    advice: 'look at what is there before you repeat a write; corral cluster status shows how the servers are',
  },
  InvalidAcl: {
    meaning: 'An access list is empty, or names a scheme that the server does not know, or an id it cannot read.',
    advice:
      'write world:anyone:r, digest:user:hash:cdrwa (corral acl hash user:password), ip:10.0.0.0/8:r or auth::cdrwa',
  },
  NewConfigNoQuorum: {
    meaning: 'A majority of the new membership is not there or not up to date.',
    advice: 'start the new servers as observers first, and add them when corral cluster status shows them in step',
  },
  NoAuth: {
    meaning: 'The access list of the node does not allow this to any identity of this connection.',
    advice: 'corral acl get <path> shows the list; connect as somebody on it with --auth digest:user:password',
  },
  NoChildrenForEphemerals: {
    meaning: 'Ephemeral nodes live as long as their session and cannot have children.',
    advice: 'put the children beside it, or make the parent a container (create -m container)',
  },
  NoNode: {
    meaning: 'There is no node at this path, or its parent is missing when you create it.',
    advice: 'corral ls shows what is there; create -p makes missing parents',
  },
  NodeExists: {
    meaning: 'There is a node at this path already.',
    advice: 'corral set replaces its data; create -m persistentSequential gives it a number of its own',
  },
  NotEmpty: {
    meaning: 'A node with children cannot be deleted.',
    advice: 'corral rm -r deletes all of it, after telling you how much that is',
  },
  NotReadOnly: {
    meaning: 'The server is cut off from its majority and only reads.',
    advice: 'corral cluster status shows which servers are missing',
  },
  OperationTimeout: {
    meaning: 'No answer came in time.',
    advice: 'give it longer with --timeout 30s; corral doctor looks for the reason',
  },
  QuotaExceeded: {
    meaning: 'The write would exceed a hard quota of this part of the tree.',
    advice: 'corral quota get <path> shows limit and use; raise it with corral quota set',
  },
  ReconfigDisabled: {
    meaning: 'This server does not allow its membership to be changed.',
    advice: 'set reconfigEnabled=true in zoo.cfg of every server',
  },
  ReconfigInProgress: {
    meaning: 'Another change of the membership is under way.',
    advice: 'wait until corral cluster status shows it done',
  },
  SessionExpired: {
    meaning: 'The servers had not heard of this session for its whole timeout, and ended it with its ephemerals.',
    advice: 'connect again; if it happens often look for long pauses of this machine or a slow network',
  },
  SessionMoved: {
    meaning: 'The session is attached to another server by now.',
    advice: 'connect again',
  },
  ThrottledOp: {
    meaning: 'The request waited too long at the server and was dropped.',
    advice: 'corral top shows what keeps it busy',
  },
  TooLarge: {
    meaning: 'A request or reply is larger than what is allowed.',
    advice: 'store less in one node, or raise jute.maxbuffer on the servers',
  },
  Unimplemented: {
    meaning: 'The server does not know this operation: it is older than it, or it is switched off.',
    advice: 'TTL nodes need extendedTypesEnabled=true in zoo.cfg of every server; corral srvr shows the version',
  },
};

/** What to do about an error; undefined where the message says it all. */
export function adviceOn(error: unknown): string | undefined {
  // Only what the client reports names its operation; errors of our own say everything themselves.
  if (!(error instanceof Error) || !('op' in error) || !('code' in error) || typeof error.code !== 'string') {
    return undefined;
  }
  // Without a connection there is nothing to wait longer for.
  const code = error.name === 'ConnectError' && error.code === 'OperationTimeout' ? 'ConnectFailed' : error.code;
  return explanations[code]?.advice;
}
