// Runs the application's code inside the client.

/** A listener that throws is the application's bug: it surfaces as an uncaught exception and leaves the client intact. */
export function guarded(listener: () => void): void {
  try {
    listener();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
