// What the kernel says about processes and the machine, from /proc (so the benchmarks need Linux). The kernel counts CPU
// time in hundredths of a second towards user space on every platform that Node runs on.

import { readFileSync, readdirSync } from 'node:fs';

const ticksPerSecond = 100;
const kilobyte = 1024;

/** Fields of /proc/PID/stat after the command, which may itself hold spaces and brackets. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** User and system CPU seconds that the processes have used so far, all threads included. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

/** Resident memory of the processes together. */
export function residentBytes(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of pids) {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    bytes += Number(line?.[1] ?? 0) * kilobyte;
  }
  return bytes;
}

/** The process and its descendants: a server may be started through a wrapper. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      parents.set(pid, Number(statFields(pid)[1]));
    } catch (error) {
      // A process may end between the listing and the look; anything else is worth knowing.
      if (!isGone(error)) throw error;
    }
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}

export interface MachineTime {
  /** CPU seconds, over all cores, in which anything ran. */
  readonly busy: number;
  /** CPU seconds in which this machine wanted to run and its host ran something else. */
  readonly steal: number;
}

export function machineTime(): MachineTime {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busy: (user + nice + system + irq + softirq) / ticksPerSecond, steal: steal / ticksPerSecond };
}
