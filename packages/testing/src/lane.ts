// One direction of a connection: what is in it arrives in order, unless somebody holds it up.

/** Who may hold a lane up. server: it reads no more. fault, cut, pause: the test. */
export type Holder = 'server' | 'fault' | 'cut' | 'pause';

/** null is the end of the connection. */
type Piece = Uint8Array | null;

export class Lane {
  readonly #deliver: (piece: Piece) => void;
  readonly #pieces: Piece[] = [];
  readonly #holders = new Set<Holder>();
  #isDelivering = false;
  bytes = 0;

  constructor(deliver: (piece: Piece) => void) {
    this.#deliver = deliver;
  }

  push(piece: Piece): void {
    this.#pieces.push(piece);
    this.bytes += piece?.length ?? 0;
    this.#pump();
  }

  /** Puts a piece in front of everything: it was taken out and held up. */
  putBack(piece: Piece): void {
    this.#pieces.unshift(piece);
    this.bytes += piece?.length ?? 0;
  }

  hold(holder: Holder): void {
    this.#holders.add(holder);
  }

  release(holder: Holder): void {
    if (this.#holders.delete(holder)) this.#pump();
  }

  clear(): void {
    this.#pieces.length = 0;
    this.bytes = 0;
  }

  #pump(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#holders.size === 0) {
      const piece = this.#pieces.shift();
      if (piece === undefined) break;
      this.bytes -= piece?.length ?? 0;
      this.#deliver(piece);
    }
    this.#isDelivering = false;
  }
}
