// What a command may use of the process it runs in. main.ts makes one; tests make their own.

/** The streams of a terminal, for those who edit lines on it. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data. */
  readonly stdout: { write(bytes: Uint8Array | string): unknown; readonly isTTY?: boolean | undefined };
  /** Talk: notices, questions, errors. */
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean | undefined };
  /** Present when standard input and output are one. */
  readonly terminal?: Terminal | undefined;
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Aborts on the first signal that asks to end; the message of the reason is its name. From the first call on, that one no
   * longer ends the process.
   */
  interrupted(): AbortSignal;
}
