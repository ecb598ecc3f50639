"""kazoo reconfigures an ensemble as super. argv: hosts, joining, leaving, members ("-" for none). Prints the result."""

import sys
import threading

from kazoo.client import KazooClient

hosts, joining, leaving, members = (None if text == "-" else text for text in sys.argv[1:5])
zk = KazooClient(hosts=hosts, timeout=10, auth_data=[("digest", "super:secret")])
zk.start(timeout=15)
events = []
fired = threading.Event()


def watch(event):
    events.append(event)
    fired.set()


zk.get("/zookeeper/config", watch=watch)
data, stat = zk.reconfig(joining=joining, leaving=leaving, new_members=members)
zk.retry(zk.sync, "/")
assert zk.retry(zk.get, "/zookeeper/config")[0] == data, "the node holds what the call returned"
# kazoo calls watches from a thread of its own.
fired.wait(5)
print(data.decode())
print("event", ",".join(event.type + event.path for event in events))
zk.stop()
