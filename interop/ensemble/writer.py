"""kazoo as a client that goes on writing while servers come and go, in one session with an ephemeral.

argv: hosts, name, milliseconds between writes. Prints "session ID", "ack N" when write N is sure, "lost" when the
session is; obeys "pause", "resume" and "stop" on its input and answers "paused N" and "done N".
"""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    ConnectionClosedError,
    ConnectionLoss,
    NodeExistsError,
    OperationTimeoutError,
    SessionMovedError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

HOSTS, NAME, DELAY = sys.argv[1], sys.argv[2], int(sys.argv[3]) / 1000
ROOT = f"/writers/{NAME}"
AGAIN = (ConnectionLoss, ConnectionClosedError, OperationTimeoutError, SessionMovedError, KazooTimeoutError)


def say(text):
    print(text, flush=True)


def create(path, data, **options):
    """Creates; a node that is there already was made by an attempt whose answer got lost."""
    while True:
        try:
            return zk.create(path, data, **options)
        except NodeExistsError:
            found = again(zk.get, path)[0]
            if found != data:
                raise AssertionError(f"{path} holds {found!r}")
            return path
        except AGAIN:
            time.sleep(0.02)


def again(call, *args):
    while True:
        try:
            return call(*args)
        except AGAIN:
            time.sleep(0.02)


def put(path, data, version):
    """Sets on top of exactly this version; an attempt whose answer got lost may have done it."""
    while True:
        try:
            return zk.set(path, data, version=version)
        except BadVersionError:
            found, stat = again(zk.get, path)
            if found == data and stat.version == version + 1:
                return stat
            raise AssertionError(f"{path} is {found!r} version {stat.version}, before it was {version}")
        except AGAIN:
            time.sleep(0.02)


def listen():
    for line in sys.stdin:
        wish = line.strip()
        if wish == "pause":
            going.clear()
        elif wish == "resume":
            going.set()
        else:
            break
    stopping.set()
    going.set()


retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2)
zk = KazooClient(hosts=HOSTS, timeout=30, connection_retry=retry)
zk.start(timeout=30)
zk.add_listener(lambda state: say("lost") if state == KazooState.LOST and not stopping.is_set() else None)
going, stopping = threading.Event(), threading.Event()
going.set()
zk.ensure_path(ROOT)
create(f"{ROOT}/alive", b"", ephemeral=True)
create(f"{ROOT}/value", b"")
say(f"session {zk.client_id[0] & (1 << 64) - 1:x}")
threading.Thread(target=listen, daemon=True).start()
number = 0
try:
    while not stopping.is_set():
        if not going.is_set():
            say(f"paused {number}")
            going.wait()
            continue
        text = b"%d" % (number + 1)
        create(f"{ROOT}/n{number + 1}", text)
        put(f"{ROOT}/value", text, number)
        number += 1
        say(f"ack {number}")
        time.sleep(DELAY)
except Exception as error:  # whatever it was, the referee must hear of it
    say(f"failed after {number}: {type(error).__name__} {error}".replace("\n", " "))
say(f"done {number}")
