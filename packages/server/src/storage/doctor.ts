// Examines a data directory without starting a server on it: every snapshot and log is read to its last byte, and the
// start is tried without changing anything. Putting things right is doctor-repair.ts.

import * as path from 'node:path';
import { RecoveryRefused, logFilesIn, recover, snapshotsIn } from '@corral/core';
import type { RecoveryTarget, RefusalFacts } from '@corral/core';
import { epochOf, formatZxid } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { describeLogEnd, inspectLog, inspectSnapshot, isSoundEnd } from './inspect.ts';
import { NodeFiles, temporaryPrefix } from './node-files.ts';

export interface Finding {
  readonly level: 'ok' | 'note' | 'problem';
  readonly file: string;
  readonly text: string;
}

export interface Diagnosis {
  readonly snapDir: string;
  readonly logDir: string;
  readonly findings: readonly Finding[];
  /** A server would start on this directory. */
  readonly starts: boolean;
  /** Last transaction of the state it would start with. */
  readonly lastZxid: Zxid | undefined;
  /** Why it would not. */
  readonly refused: RefusalFacts | undefined;
}

export interface DataDirectories {
  readonly dataDir: string;
  readonly dataLogDir?: string | undefined;
}

/** Counts for nothing: only whether the start succeeds is of interest. */
export const emptyTarget = (): RecoveryTarget => ({
  session: () => undefined,
  acl: () => undefined,
  node: () => undefined,
  snapshotDone: () => undefined,
  txn: () => undefined,
});

const versionDir = 'version-2';
const files = new NodeFiles();

export function directoriesOf({ dataDir, dataLogDir }: DataDirectories): { snapDir: string; logDir: string } {
  return { snapDir: path.join(dataDir, versionDir), logDir: path.join(dataLogDir ?? dataDir, versionDir) };
}

export function diagnose(directories: DataDirectories): Diagnosis {
  const { snapDir, logDir } = directoriesOf(directories);
  const start = tryStart(snapDir, logDir);
  const findings = [
    ...snapshotFindings(snapDir),
    ...logFindings(logDir),
    ...leftoverFindings(snapDir),
    ...(logDir === snapDir ? [] : leftoverFindings(logDir)),
    ...epochFindings(snapDir, start.lastZxid),
    ...start.findings,
  ];
  return {
    snapDir,
    logDir,
    findings,
    starts: start.refused === undefined,
    lastZxid: start.lastZxid,
    refused: start.refused,
  };
}

interface Start {
  readonly findings: Finding[];
  readonly lastZxid: Zxid | undefined;
  readonly refused: RefusalFacts | undefined;
}

function tryStart(snapDir: string, logDir: string): Start {
  try {
    const { lastZxid, notes, snapshotFile, replayed } = recover(
      files,
      { snapDir, logDir, readOnly: true },
      emptyTarget,
    );
    const from = snapshotFile === undefined ? 'without a snapshot' : `from ${snapshotFile}`;
    const text = `a server would start ${from}, replay ${replayed} transactions and be at ${formatZxid(lastZxid)}`;
    const found = notes.map((note): Finding => ({ level: 'note', file: logDir, text: note }));
    return { findings: [...found, { level: 'ok', file: snapDir, text }], lastZxid, refused: undefined };
  } catch (error) {
    if (!(error instanceof RecoveryRefused)) throw error;
    const finding: Finding = {
      level: 'problem',
      file: error.facts.file,
      text: `a server would not start: ${error.message}`,
    };
    return { findings: [finding], lastZxid: undefined, refused: error.facts };
  }
}

function snapshotFindings(snapDir: string): Finding[] {
  return snapshotsIn(files.list(snapDir)).map(({ name }): Finding => {
    const file = path.join(snapDir, name);
    const facts = inspectSnapshot(files, file);
    if (!facts.valid) return { level: 'problem', file, text: `cannot be used: ${facts.problem}` };
    const { nodes, sessions, bytes } = facts.summary;
    return { level: 'ok', file, text: `${nodes} nodes, ${sessions} sessions, ${bytes} bytes, checksums fit` };
  });
}

function logFindings(logDir: string): Finding[] {
  const logs = logFilesIn(files.list(logDir));
  return logs.map(({ name }, index): Finding => {
    const file = path.join(logDir, name);
    const { records, first, last, end } = inspectLog(files, file);
    const range = first === undefined || last === undefined ? '' : ` ${formatZxid(first)} to ${formatZxid(last)}`;
    const text = `${records} transactions${range}, ${describeLogEnd(end)}`;
    if (!isSoundEnd(end)) return { level: 'problem', file, text };
    const unusual = end.kind === 'torn' || (end.kind === 'empty' && index < logs.length - 1);
    return { level: unusual ? 'note' : 'ok', file, text };
  });
}

/** Files that were never given their name: neither Corral nor Apache takes them for data. */
export const leftoversIn = (dir: string): string[] =>
  files
    .list(dir)
    .filter((name) => name.startsWith(temporaryPrefix))
    .map((name) => path.join(dir, name));

const leftoverFindings = (dir: string): Finding[] =>
  leftoversIn(dir).map((file) => ({
    level: 'note',
    file,
    text: 'left over from an interrupted write; can be deleted: --fix',
  }));

/** Members of an ensemble keep the epochs they promised and took part in; a server alone has no such files. */
function epochFindings(snapDir: string, lastZxid: Zxid | undefined): Finding[] {
  const names = files.list(snapDir);
  const [accepted, current] = ['acceptedEpoch', 'currentEpoch'].map((name) =>
    names.includes(name) ? readEpoch(path.join(snapDir, name)) : undefined,
  );
  const file = path.join(snapDir, 'currentEpoch');
  const findings: Finding[] = [];
  for (const [name, epoch] of [
    ['acceptedEpoch', accepted],
    ['currentEpoch', current],
  ] as const) {
    if (epoch !== undefined && !Number.isSafeInteger(epoch)) {
      findings.push({ level: 'problem', file: path.join(snapDir, name), text: 'does not hold a number' });
    }
  }
  if (findings.length > 0 || current === undefined) return findings;
  if (current < 0) {
    const text =
      'the damaged history of this server was set aside (damaged-*): it has no vote until a leader gives it another';
    return [{ level: 'note', file, text }];
  }
  if (accepted !== undefined && accepted < current) {
    findings.push({ level: 'problem', file, text: `epoch ${current} is current, but only ${accepted} was accepted` });
  }
  if (lastZxid !== undefined && epochOf(lastZxid) > current) {
    const text = `transactions of epoch ${epochOf(lastZxid)} in epoch ${current}: the server stopped while it joined the ensemble`;
    findings.push({ level: 'note', file, text });
  }
  return findings;
}

function readEpoch(file: string): number {
  const text = Buffer.from(files.read(file, 0, 32))
    .toString('latin1')
    .trim();
  return /^(\d+|-[12])$/.test(text) ? Number(text) : Number.NaN;
}

/** The diagnosis as lines for a terminal; paths relative to nothing, so that they can be pasted. */
export function describeDiagnosis({ findings, starts, refused }: Diagnosis): string {
  const marks = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' } as const;
  const lines = findings.map(({ level, file, text }) => `${marks[level]}  ${file}: ${text}`);
  const verdict = starts
    ? 'A server can start on this directory.'
    : `A server refuses to start on this directory. ${refused?.advice ?? ''}`;
  return [...lines, '', verdict].join('\n');
}
