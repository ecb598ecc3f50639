"""kazoo against the server: every basic operation, and the same session across two server restarts."""

import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    InvalidACLError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.retry import KazooRetry
from kazoo.security import make_acl, make_digest_acl

from harness import check, equal, eventually, raises, restart_server

HOSTS = f"127.0.0.1:{sys.argv[1]}"


def connect(**options):
    retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2)
    client = KazooClient(hosts=HOSTS, timeout=10, connection_retry=retry, **options)
    client.start(timeout=15)
    return client


zk = connect()


def crud():
    zk.ensure_path("/kazoo")
    equal(zk.create("/kazoo/a", b"one"), "/kazoo/a")
    equal(zk.get("/kazoo/a")[0], b"one")
    zk.set("/kazoo/a", b"two")
    data, stat = zk.get("/kazoo/a")
    equal((data, stat.version, stat.dataLength, stat.numChildren), (b"two", 1, 3, 0))
    equal(zk.exists("/kazoo/a").mzxid, stat.mzxid)
    equal(zk.exists("/kazoo/none"), None)
    raises(NodeExistsError, zk.create, "/kazoo/a", b"")
    raises(NoNodeError, zk.get, "/kazoo/none")
    zk.create("/kazoo/a/b", b"")
    raises(NotEmptyError, zk.delete, "/kazoo/a")
    equal(zk.get_children("/kazoo"), ["a"])
    children, parent = zk.get_children("/kazoo", include_data=True)
    equal((children, parent.numChildren, parent.cversion), (["a"], 1, 1))
    path, created = zk.create("/kazoo/stat", b"12345", include_data=True)
    equal((path, created.dataLength, created.version), ("/kazoo/stat", 5, 0))
    zk.create("/kazoo/π-ünïcode", "日本".encode())
    equal(zk.get("/kazoo/π-ünïcode")[0].decode(), "日本")
    zk.delete("/kazoo/a", recursive=True)
    equal(zk.exists("/kazoo/a/b"), None)
    zk.sync("/kazoo")


def large_values():
    blob = bytes(range(256)) * 3900
    zk.create("/kazoo/blob", blob)
    equal(zk.get("/kazoo/blob")[0] == blob, True)
    zk.set("/kazoo/blob", b"")
    equal(zk.get("/kazoo/blob")[0], b"")


def versions():
    zk.create("/kazoo/v", b"0")
    for number in range(5):
        equal(zk.set("/kazoo/v", b"%d" % number, version=number).version, number + 1)
    raises(BadVersionError, zk.set, "/kazoo/v", b"x", version=2)
    raises(BadVersionError, zk.delete, "/kazoo/v", version=4)
    zk.delete("/kazoo/v", version=5)


def ephemerals():
    other = connect()
    other.create("/kazoo/eph", b"", ephemeral=True)
    equal(zk.exists("/kazoo/eph").ephemeralOwner, other.client_id[0])
    raises(NoChildrenForEphemeralsError, zk.create, "/kazoo/eph/child", b"")
    other.stop()
    other.close()
    equal(zk.exists("/kazoo/eph"), None)


def sequences():
    zk.create("/kazoo/seq", b"")
    names = [zk.create("/kazoo/seq/n-", b"", sequence=True) for _ in range(20)]
    equal(names, [f"/kazoo/seq/n-{number:010d}" for number in range(20)])
    zk.delete(names[-1])
    equal(zk.create("/kazoo/seq/m-", b"", sequence=True, ephemeral=True), "/kazoo/seq/m-0000000020")


def pipelined():
    zk.create("/kazoo/many", b"")
    results = [zk.create_async(f"/kazoo/many/{number}", b"%d" % number) for number in range(500)]
    equal([r.get(timeout=20) for r in results], [f"/kazoo/many/{number}" for number in range(500)])
    equal(sorted(map(int, zk.get_children("/kazoo/many"))), list(range(500)))


def watches():
    seen = []
    zk.exists("/kazoo/w", watch=seen.append)
    zk.create("/kazoo/w", b"")
    eventually(lambda: seen, "created event")
    zk.get("/kazoo/w", watch=seen.append)
    zk.get_children("/kazoo/w", watch=seen.append)
    zk.create("/kazoo/w/c", b"")
    zk.set("/kazoo/w", b"x")
    eventually(lambda: len(seen) == 3, "child and data events")
    zk.delete("/kazoo/w/c")
    zk.get("/kazoo/w", watch=seen.append)
    zk.delete("/kazoo/w")
    eventually(lambda: len(seen) == 4, "deleted event")
    equal([(e.type, e.path) for e in seen], [
        ("CREATED", "/kazoo/w"), ("CHILD", "/kazoo/w"), ("CHANGED", "/kazoo/w"), ("DELETED", "/kazoo/w"),
    ])


def acls():
    owner = connect(auth_data=[("digest", "ann:secret")])
    acl = make_digest_acl("ann", "secret", all=True)
    owner.create("/kazoo/private", b"mine", acl=[acl])
    equal(owner.get("/kazoo/private")[0], b"mine")
    raises(NoAuthError, zk.get, "/kazoo/private")
    raises(NoAuthError, zk.set, "/kazoo/private", b"")
    raises(NoAuthError, zk.create, "/kazoo/private/x", b"")
    raises(NoAuthError, zk.set_acls, "/kazoo/private", [acl])
    raises(InvalidACLError, zk.create, "/kazoo/bad", b"", acl=[make_acl("nosuch", "id", all=True)])
    listed, stat = owner.get_acls("/kazoo/private")
    equal((listed, stat.aversion), ([acl], 0))
    zk.add_auth("digest", "ann:secret")
    equal(zk.get("/kazoo/private")[0], b"mine")
    owner.delete("/kazoo/private")
    owner.stop()
    owner.close()


def multi():
    batch = zk.transaction()
    batch.create("/kazoo/t", b"1")
    batch.set_data("/kazoo/t", b"2", version=0)
    batch.check("/kazoo/t", version=1)
    batch.create("/kazoo/t/c", b"")
    batch.delete("/kazoo/t/c")
    results = batch.commit()
    equal(results[0], "/kazoo/t")
    equal((results[1].version, results[2], results[3], results[4]), (1, True, "/kazoo/t/c", True))
    broken = zk.transaction()
    broken.create("/kazoo/t2", b"")
    broken.check("/kazoo/t", version=7)
    broken.delete("/kazoo/t")
    kinds = [type(result) for result in broken.commit()]
    equal(kinds, [RolledBackError, BadVersionError, RuntimeInconsistency])
    equal(zk.exists("/kazoo/t2"), None)


def restarts():
    states = []
    zk.add_listener(states.append)
    session = zk.client_id
    zk.create("/kazoo/alive", b"", ephemeral=True)
    zk.create("/kazoo/watched", b"0")
    values, fresh = [], threading.Event()

    @zk.DataWatch("/kazoo/watched")
    def changed(data, _stat):
        values.append(data)
        if data == b"2":
            fresh.set()

    for round_number, signal in enumerate(["SIGTERM", "SIGKILL"], start=1):
        restart_server(signal)
        eventually(lambda: zk.state == KazooState.CONNECTED, "reconnected", 20)
        zk.retry(zk.set, "/kazoo/watched", b"%d" % round_number)
        equal(zk.client_id, session)
        equal(zk.exists("/kazoo/alive").ephemeralOwner, session[0])
    equal(fresh.wait(10), True)
    equal(KazooState.LOST in states, False)


for body in (crud, large_values, versions, ephemerals, sequences, pipelined, watches, acls, multi, restarts):
    check(body.__name__, body)
zk.stop()
zk.close()
