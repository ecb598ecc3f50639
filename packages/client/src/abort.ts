// Listening to an AbortSignal. One signal may guard a thousand calls: they share one listener of it, because Node warns of
// a leak from the eleventh on.

const callbacksOf = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back once when the signal aborts; the result ends that. The signal must not have aborted yet. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const callbacks = callbacksOf.get(signal) ?? listen(signal);
  // An entry of its own: the same function may be given twice.
  const entry = (): void => callback();
  callbacks.add(entry);
  return () => {
    callbacks.delete(entry);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  callbacksOf.set(signal, callbacks);
  signal.addEventListener(
    'abort',
    () => {
      for (const callback of [...callbacks]) callback();
      callbacks.clear();
    },
    { once: true },
  );
  return callbacks;
}
