// The check list: one printed line per check, a closing line 'N passed, N failed', an exit code.

export class Checks {
  passed = 0;
  failed = 0;
  failures = [];

  /** Records one outcome under a name such as 'kazoo: lock excludes'. */
  record(name, ok, detail = '') {
    if (ok) this.passed += 1;
    else {
      this.failed += 1;
      this.failures.push(name);
    }
    const text = String(detail).replace(/\s*\n\s*/g, ' | ');
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}${text && !ok ? `: ${text}` : ''}`);
    return ok;
  }

  /** The same list under longer names: 'follower: kazoo: lock excludes'. */
  under(prefix) {
    const record = (name, ok, detail) => this.record(`${prefix}: ${name}`, ok, detail);
    return Object.assign(Object.create(this), { record });
  }

  /** Runs a check; what it throws is its failure. */
  async check(name, body) {
    try {
      await body();
      return this.record(name, true);
    } catch (error) {
      return this.record(name, false, error?.message ?? error);
    }
  }

  /** Prints the closing line and sets the exit code; a run without a single check is a failure too. */
  finish() {
    if (this.passed + this.failed === 0) this.record('at least one check ran', false);
    if (this.failures.length > 0) console.log(`\nfailed:\n  ${this.failures.join('\n  ')}`);
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed === 0 ? 0 : 1;
  }
}

export function equal(actual, expected, what = 'value') {
  const [got, want] = [show(actual), show(expected)];
  if (got !== want) throw new Error(`${what}: expected ${want}, got ${got}`);
}

export function truthy(value, what) {
  if (!value) throw new Error(what);
}

export function show(value) {
  return JSON.stringify(value, (_key, part) => {
    if (typeof part === 'bigint') return `0x${BigInt.asUintN(64, part).toString(16)}`;
    if (part?.type === 'Buffer') return `base64:${Buffer.from(part.data).toString('base64')}`;
    return part;
  });
}
