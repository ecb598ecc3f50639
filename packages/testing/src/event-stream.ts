// A listener as something to loop over.

export function streamOf<T extends object>(
  listen: (listener: (event: T) => void) => () => void,
  signal?: AbortSignal,
): AsyncIterableIterator<T, undefined> {
  const waiting: T[] = [];
  let wake: () => void = () => undefined;
  let isOver = signal?.aborted === true;
  const stop = listen((event) => {
    waiting.push(event);
    wake();
  });
  const end = (): void => {
    isOver = true;
    stop();
    signal?.removeEventListener('abort', end);
    wake();
  };
  if (isOver) stop();
  else signal?.addEventListener('abort', end, { once: true });
  return {
    async next() {
      while (waiting.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
      if (waiting.length === 0) return { done: true, value: undefined };
      return { done: false, value: waiting.shift()! };
    },
    async return() {
      waiting.length = 0;
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
