"""kazoo's side of the recipes across languages: the same words as Partner.java and partner.mjs, as far as kazoo has them.

`lock`, `election`, `reader` and `writer` are kazoo's own classes as they are. kazoo sorts by what stands behind its own
name, so a class of one line takes part in a line that has Curator's names: `curator lock` and `curator election`.
"""

import json
import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.barrier import Barrier
from kazoo.recipe.counter import Counter
from kazoo.recipe.election import Election
from kazoo.recipe.lock import Lock, ReadLock, WriteLock
from kazoo.recipe.party import Party


class CuratorLock(Lock):
    _NODE_NAME = "-lock-"
    _EXCLUDE_NAMES = ["-lock-"]


class CuratorLatch(Lock):
    _NODE_NAME = "-latch-"
    _EXCLUDE_NAMES = ["-latch-"]


zk = KazooClient(hosts=sys.argv[1], timeout=int(sys.argv[2]) / 1000)
printing = threading.Lock()
held = {}
parties = {}


def say(message):
    with printing:
        print(json.dumps(message), flush=True)


def czxid_of(lock):
    return zk.exists(f"{lock.path}/{lock.node}").czxid


def with_lock(kind):
    def run(path, section):
        lock = kind(zk, path, "kazoo")
        with lock:
            section(f"{path}/{lock.node}", czxid_of(lock))

    return run


def with_election(kind):
    def run(path, section):
        election = Election(zk, path, "kazoo")
        if kind is not None:
            election.lock = kind(zk, path, "kazoo")
        failures = []

        def lead():
            try:
                section(f"{path}/{election.lock.node}", czxid_of(election.lock))
            except Exception as error:
                failures.append(error)

        election.run(lead)
        if failures:
            raise failures[0]

    return run


recipes = {
    "lock": with_lock(Lock),
    "curator lock": with_lock(CuratorLock),
    "reader": with_lock(ReadLock),
    "writer": with_lock(WriteLock),
    "election": with_election(None),
    "curator election": with_election(CuratorLatch),
}


class Ledger:
    """Proof that nobody else is inside, in files that nothing protects but the recipe; see ledger.mjs."""

    def __init__(self, folder, recipe):
        self.folder = folder
        self.recipe = recipe

    def enter(self, who, czxid):
        if self.recipe == "reader":
            self.read()
        else:
            self.write()
        with open(f"{self.folder}/log", "a") as log:
            log.write(f"{who} {czxid}\n")

    def write(self):
        os.mkdir(f"{self.folder}/inside")
        number = self.number()
        time.sleep(0.001)
        with open(f"{self.folder}/number", "w") as file:
            file.write(str(number + 1))
        os.rmdir(f"{self.folder}/inside")

    def read(self):
        before = self.number()
        time.sleep(0.005)
        if os.path.exists(f"{self.folder}/inside") or self.number() != before:
            raise RuntimeError("a writer is inside")

    def number(self):
        with open(f"{self.folder}/number") as file:
            return int(file.read())


def contend(path, recipe, rounds, ledger, **_):
    proof = Ledger(ledger, recipe)
    for _round in range(rounds):
        recipes[recipe](path, lambda _node, czxid: proof.enter("kazoo", czxid))


def take(path, recipe, **_):
    """Answers when it is held; it is until `give`."""
    taken, given, over = threading.Event(), threading.Event(), threading.Event()
    answer = {}

    def section(node, czxid):
        answer.update(node=node, czxid=czxid)
        taken.set()
        given.wait()

    def run():
        try:
            recipes[recipe](path, section)
        except Exception as error:
            answer.setdefault("failure", repr(error))
        taken.set()
        over.set()

    threading.Thread(target=run, daemon=True).start()
    taken.wait()
    if "failure" in answer:
        raise RuntimeError(answer["failure"])
    held[path] = (given, over)
    return answer


def give(path, **_):
    given, over = held.pop(path)
    given.set()
    over.wait()


def count(path, recipe, times, **_):
    counter = Counter(zk, path, support_curator=recipe == "int32")
    for _round in range(times):
        counter += 1
    return counter.value


def join(path, name, **_):
    parties[path] = Party(zk, path, name)
    parties[path].join()


def leave(path, **_):
    parties.pop(path).leave()


def members(path, **_):
    return sorted(parties[path])


def up(path, **_):
    Barrier(zk, path).create()


def lift(path, **_):
    Barrier(zk, path).remove()


def wait(path, **_):
    if not Barrier(zk, path).wait(30):
        raise RuntimeError("still there")


verbs = {
    "contend": contend,
    "take": take,
    "give": give,
    "count": count,
    "join": join,
    "leave": leave,
    "members": members,
    "raise": up,
    "lift": lift,
    "wait": wait,
}


def answer(number, verb, rest):
    try:
        say({"id": number, "value": verbs[verb](**rest)})
    except Exception as error:
        say({"id": number, "error": repr(error)})


zk.start(timeout=15)
say({"ready": True})
for line in sys.stdin:
    request = json.loads(line)
    work = (request.pop("id"), request.pop("verb"), request)
    threading.Thread(target=answer, args=work, daemon=True).start()
zk.stop()
