// Joins a watch stream with what feeds it: the persistent watch, the state of the client, the caller's signal.

import { onAbort } from './abort.ts';
import type { Emitter } from './lifecycle.ts';
import type { View } from './view.ts';
import { WatchStream } from './watch-stream.ts';
import type { WatchStreamOptions } from './watch-stream.ts';
import type { WatchListener } from './watches.ts';

export function openWatchStream(
  view: View,
  emitter: Emitter,
  path: string,
  options: WatchStreamOptions & { readonly recursive?: boolean; readonly signal?: AbortSignal | undefined },
): WatchStream {
  const kind = options.recursive === true ? 'persistentRecursive' : 'persistent';
  let remove: (() => void) | null = null;
  let stopped = false;
  const start = async (stream: WatchStream): Promise<void> => {
    // The stream marks a reset by itself, together with the suspension before it.
    const listener: WatchListener = (event) => void (event.type === 'reset' || stream.push(event));
    remove = await view.watching.addPersistent({ root: view.root, path, kind, listener }, {});
    if (stopped) remove();
  };
  const stop = (): void => {
    stopped = true;
    for (const forget of forgets) forget();
    remove?.();
  };
  const forgets: (() => void)[] = [];
  const stream = new WatchStream(path, options, { start, stop, slow: (slow) => emitter.slow(slow) });
  forgets.push(view.onState((state) => stream.stateChanged(state)));
  if (options.signal?.aborted === true) stream.close();
  else forgets.push(onAbort(options.signal, () => stream.close()));
  return stream;
}
