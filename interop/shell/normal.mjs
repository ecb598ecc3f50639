// What of a shell's output depends on the moment, or on Java: taken out of both before they are compared.

/** Lines of libraries that zkCli runs on: the logger's and the line editor's. */
const libraryLines = [
  /^SLF4J\(.*\n/gm,
  /^.* org\.jline\.utils\.Log logr\nWARNING: Unable to create a system terminal.*\n/gm,
  /^JLine support is (en|dis)abled\n/gm,
];

const eventLine = /(WatchedEvent state:\S+ type:\S+ path:.* zxid: -?\d+)\n|WATCHER::\n/g;

export function normal({ out, err, code }, server) {
  const events = [];
  // Events come on a thread of their own: their order among themselves counts, their place in the output does not. Their
  // empty lines may be anywhere, so empty lines do not count.
  const rest = withoutLibraries(out).replace(eventLine, (_, event) => {
    if (event !== undefined) events.push(event);
    return '';
  });
  return { out: stable(rest, server), err: stable(withoutLibraries(err), server), events: events.join('\n'), code };
}

const withoutLibraries = (text) => libraryLines.reduce((left, pattern) => left.replace(pattern, ''), text);

/** Times, session ids and ports differ from run to run, and a prompt may come before the connection it speaks of. */
const stable = (text, server) =>
  text
    .replaceAll(server, 'SERVER')
    .replace(/\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}/g, 'DATE')
    .replace(/ephemeralOwner = 0x[0-9a-f]{8,}/g, 'ephemeralOwner = SESSION')
    .replace(
      /(\[zk: SERVER)\((\w+)\)( \d+\] )/g,
      (_, left, state, right) => `\n${left}(${stableState(state)})${right}\n`,
    )
    .replace(/\n\s*\n/g, '\n')
    .trim();

const stableState = (state) => (state === 'CONNECTED' || state === 'CONNECTING' ? 'STATE' : state);
