"""kazoo's Lock, Queue and LockingQueue used by several processes at once, with proof that nobody overlapped or lost.

Without a role it is the referee, which starts the other processes; with one it is a contender.
"""

import collections
import os
import subprocess
import sys
import tempfile
import time

from kazoo.client import KazooClient

from harness import check, equal

PORT = sys.argv[1]
WORKERS = 4
ROUNDS = 25
ITEMS = 120


def connect():
    client = KazooClient(hosts=f"127.0.0.1:{PORT}", timeout=15)
    client.start(timeout=15)
    return client


def locker(zk, counter_file):
    """Adds one to a file and to a znode without any version: only the lock keeps the sums right."""
    for _ in range(ROUNDS):
        with zk.Lock("/contend/lock", f"pid-{os.getpid()}"):
            with open(counter_file) as file:
                number = int(file.read())
            value = int(zk.get("/contend/counter")[0])
            time.sleep(0.001)
            with open(counter_file, "w") as file:
                file.write(str(number + 1))
            zk.set("/contend/counter", b"%d" % (value + 1))


def producer(zk, name):
    queue = zk.Queue("/contend/queue")
    for number in range(ITEMS):
        queue.put(f"{name}-{number}".encode(), priority=number % 3)


def consumer(zk, _name):
    queue = zk.Queue("/contend/queue")
    while True:
        item = queue.get()
        if item is None:
            if zk.exists("/contend/closed"):
                return
            time.sleep(0.01)
            continue
        print(item.decode(), flush=True)


def locking_consumer(zk, _name):
    queue = zk.LockingQueue("/contend/locking")
    while True:
        item = queue.get(timeout=1)
        if item is None:
            if zk.exists("/contend/closed") and len(queue) == 0:
                return
            continue
        assert queue.holds_lock()
        print(item.decode(), flush=True)
        assert queue.consume()


def spawn(role, argument):
    command = [sys.executable, __file__, PORT, role, str(argument)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(processes):
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    equal([process.returncode for process in processes], [0] * len(processes))
    return [line for output in outputs for line in output.split()]


def lock_excludes(zk):
    zk.create("/contend/counter", b"0")
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write("0")
        file.flush()
        finish([spawn("locker", file.name) for _ in range(WORKERS)])
        with open(file.name) as read:
            equal(int(read.read()), WORKERS * ROUNDS)
    equal(zk.get("/contend/counter")[0], b"%d" % (WORKERS * ROUNDS))
    equal(zk.get_children("/contend/lock"), [])


def queue_delivers_once(zk):
    consumers = [spawn("consumer", name) for name in range(3)]
    finish([spawn("producer", name) for name in range(2)])
    zk.create("/contend/closed", b"")
    taken = finish(consumers)
    expected = [f"{name}-{number}" for name in range(2) for number in range(ITEMS)]
    equal(collections.Counter(taken), collections.Counter(expected))
    zk.delete("/contend/closed")


def locking_queue_delivers_once(zk):
    queue = zk.LockingQueue("/contend/locking")
    consumers = [spawn("locking_consumer", name) for name in range(3)]
    expected = [f"item-{number}" for number in range(60)]
    queue.put_all([item.encode() for item in expected])
    zk.create("/contend/closed", b"")
    equal(sorted(finish(consumers)), sorted(expected))


def referee():
    zk = connect()
    zk.ensure_path("/contend")
    for body in (lock_excludes, queue_delivers_once, locking_queue_delivers_once):
        check(body.__name__, lambda: body(zk))
    zk.stop()
    zk.close()


if len(sys.argv) == 2:
    referee()
else:
    session = connect()
    globals()[sys.argv[2]](session, sys.argv[3])
    session.stop()
    session.close()
