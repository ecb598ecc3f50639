// Who is still there: three clocks, all monotonic. A ping leaves after a third of the session timeout without traffic, a
// server that says nothing for two thirds is left, and a session whose last answered request is a whole timeout old is
// given up, whatever its server would say.

export class Liveness {
  #timeoutMs: number;
  #lastSent = 0;
  #lastHeard = 0;
  #pingsInFlight: number[] = [];
  /** When the request left whose answer last proved the session alive. */
  #confirmedAt = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** A server took the session; its greeting left at that moment. */
  welcomed(greetedAt: number, timeoutMs: number): void {
    this.#confirmedAt = greetedAt;
    this.#timeoutMs = timeoutMs;
    this.#pingsInFlight = [];
  }
  sent(now: number): void {
    this.#lastSent = now;
  }
  heard(now: number): void {
    this.#lastHeard = now;
  }
  pinged(now: number): void {
    this.#pingsInFlight.push(now);
  }
  ponged(): void {
    this.#confirmedAt = this.#pingsInFlight.shift() ?? this.#confirmedAt;
  }
  answered(sentAt: number): void {
    this.#confirmedAt = Math.max(this.#confirmedAt, sentAt);
  }
  /** This process was stopped: what the server said meanwhile lies unread. Read first, judge later. */
  excuse(now: number): void {
    this.#lastHeard = now - this.#timeoutMs / 2;
  }

  get pingAt(): number {
    return this.#lastSent + this.#timeoutMs / 3;
  }
  get silenceAt(): number {
    return this.#lastHeard + (this.#timeoutMs * 2) / 3;
  }
  get deadline(): number {
    return this.#confirmedAt + this.#timeoutMs;
  }
}
