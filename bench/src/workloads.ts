// The table of workloads: for each, the nodes it needs and the requests a connection sends. Requests are encoded when the
// connection is made; `patch` then writes the digits of the next key.

import { createFrame, dataBytes, getFrame, multiFrame, pathAt, putDigits, replyBytes, setFrame } from './requests.ts';

/** What the parent process asks the generator to do. */
export interface Job {
  /** Connections are dealt out over these ports in turns, as clients deal themselves out over a connection string. */
  readonly ports: readonly number[];
  readonly workload: WorkloadName;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly depth: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Operations altogether, instead of a time; 0 means by time. */
  readonly count: number;
  /** Processes whose CPU time is the server's. */
  readonly serverPids: readonly number[];
  /** Differs from run to run, so that created nodes do too. */
  readonly tag: string;
}

export interface RequestKind {
  readonly frame: Buffer;
  readonly replyBytes: number;
  /** Puts the connection's `sequence`-th key into the copy of the frame that starts at `at`. */
  readonly patch: (out: Buffer, at: number, sequence: number) => void;
}

export interface PipelinedWorkload {
  readonly meaning: string;
  /** Nodes to create beforehand, parents first. */
  readonly nodes: (job: Job) => string[];
  readonly kinds: (job: Job, link: number) => readonly RequestKind[];
  /** Which of the kinds the connection's `sequence`-th request is. */
  readonly pick: (link: number, sequence: number) => number;
}

/** The port that the job's connection of this index goes to. */
export const portOf = (job: Job, index: number): number => job.ports[index % job.ports.length];

/** Nodes that gets and sets are spread over. */
const keyCount = 1000;
const keyDigits = 3;
const keyPath = '/bench/k000';
const multiSize = 10;
const sequenceDigits = 9;

/** The nodes of the fill: parents of ten thousand children each. */
const fill = { childrenPerParent: 10_000, parentDigits: 3, childDigits: 7 } as const;
export const fillPath = (id: number): string =>
  `/b/${String(Math.floor(id / fill.childrenPerParent)).padStart(fill.parentDigits, '0')}/${String(id).padStart(fill.childDigits, '0')}`;

const onlyKind = (): number => 0;
const keys = (): string[] => [
  '/bench',
  ...Array.from({ length: keyCount }, (_, key) => `/bench/k${String(key).padStart(keyDigits, '0')}`),
];

/** Spreads consecutive sequence numbers of all connections over the keys. */
const keyOf = (link: number, sequence: number): number =>
  (Math.imul(sequence + link * 7919, 0x9e3779b1) >>> 8) % keyCount;
const keyDigitsAt = (start: number): number => start + keyPath.length - keyDigits;

function getKind(link: number): RequestKind {
  const digitsAt = keyDigitsAt(pathAt);
  return {
    frame: getFrame(keyPath),
    replyBytes: replyBytes.header + 4 + dataBytes + replyBytes.stat,
    patch: (out, at, sequence) => putDigits(out, at + digitsAt, keyOf(link, sequence), keyDigits),
  };
}

function setKind(link: number): RequestKind {
  const digitsAt = keyDigitsAt(pathAt);
  return {
    frame: setFrame(keyPath),
    replyBytes: replyBytes.header + replyBytes.stat,
    patch: (out, at, sequence) => putDigits(out, at + digitsAt, keyOf(link, sequence), keyDigits),
  };
}

/** A failed multi is answered with header error 0 too, but with a reply of another size. */
function multiKind(link: number): RequestKind {
  const { frame, pathsAt } = multiFrame(keyPath, multiSize);
  const { header, stat, multiHeader } = replyBytes;
  return {
    frame,
    replyBytes: header + multiSize * (multiHeader + stat) + multiHeader,
    patch: (out, at, sequence) => {
      for (let i = 0; i < multiSize; i++) {
        putDigits(out, at + keyDigitsAt(pathsAt[i]), keyOf(link, sequence * multiSize + i), keyDigits);
      }
    },
  };
}

const createParent = (job: Job, link: number): string => `/bench/${job.tag}-${String(link).padStart(4, '0')}`;

function createKind(job: Job, link: number): RequestKind {
  const path = `${createParent(job, link)}/${'0'.repeat(sequenceDigits)}`;
  const digitsAt = pathAt + path.length - sequenceDigits;
  return {
    frame: createFrame(path),
    replyBytes: replyBytes.header + 4 + path.length,
    patch: (out, at, sequence) => putDigits(out, at + digitsAt, sequence, sequenceDigits),
  };
}

function fillKind(job: Job, link: number): RequestKind {
  const path = fillPath(0);
  const childAt = pathAt + path.length - fill.childDigits;
  const parentAt = childAt - 1 - fill.parentDigits;
  return {
    frame: createFrame(path),
    replyBytes: replyBytes.header + 4 + path.length,
    patch: (out, at, sequence) => {
      const id = sequence * job.connections + link;
      putDigits(out, at + parentAt, Math.floor(id / fill.childrenPerParent), fill.parentDigits);
      putDigits(out, at + childAt, id, fill.childDigits);
    },
  };
}

const fillNodes = (job: Job): string[] => {
  const parents = Math.ceil(job.count / fill.childrenPerParent);
  const pathOfParent = (id: number): string => fillPath(id * fill.childrenPerParent).slice(0, -1 - fill.childDigits);
  return ['/b', ...Array.from({ length: parents }, (_, id) => pathOfParent(id))];
};

/** Workloads in which every connection sends its own requests and keeps `depth` of them in flight. */
export const pipelinedWorkloads = {
  get: {
    meaning: `getData of 100 bytes, spread over ${keyCount} nodes`,
    nodes: keys,
    kinds: (_job, link) => [getKind(link)],
    pick: onlyKind,
  },
  set: {
    meaning: `setData of 100 bytes, any version, spread over ${keyCount} nodes`,
    nodes: keys,
    kinds: (_job, link) => [setKind(link)],
    pick: onlyKind,
  },
  create: {
    meaning: 'create of a persistent node of 100 bytes, each connection under a parent of its own',
    nodes: (job) => ['/bench', ...Array.from({ length: job.connections }, (_, link) => createParent(job, link))],
    kinds: (job, link) => [createKind(job, link)],
    pick: onlyKind,
  },
  mix90: {
    meaning: 'nine gets to one set, as above',
    nodes: keys,
    kinds: (_job, link) => [getKind(link), setKind(link)],
    pick: (link, sequence) => ((link + sequence) % 10 === 0 ? 1 : 0),
  },
  multi10: {
    meaning: `one multi of ${multiSize} setData of 100 bytes; a multi counts as one operation`,
    nodes: keys,
    kinds: (_job, link) => [multiKind(link)],
    pick: onlyKind,
  },
  fill: {
    meaning: 'create of nodes of 100 bytes under /b/PPP/, ten thousand to a parent, until there are as many as asked',
    nodes: fillNodes,
    kinds: (job, link) => [fillKind(job, link)],
    pick: onlyKind,
  },
} as const satisfies Record<string, PipelinedWorkload>;

/** Workloads with connections of a special kind; load.ts runs them. */
export const specialWorkloads = {
  watchFanout:
    'as many nodes as the depth, each watched by every connection; one more connection sets a node as soon as all have ' +
    'watched it again; an operation is one event received, its latency counts from the set being sent',
  connectChurn: 'TCP connect, new session, closeSession; latency from the connect to the reply of the close',
} as const;

export type WorkloadName = keyof typeof pipelinedWorkloads | keyof typeof specialWorkloads;
