"""kazoo's Lock, taken and given back as fast as it goes; the words of lock.mjs."""

import json
import os
import sys
import threading
import time

from kazoo.client import KazooClient

HOSTS, SECONDS = sys.argv[1], float(sys.argv[2])


def connect():
    client = KazooClient(hosts=HOSTS)
    client.start(timeout=15)
    return client


def measure(size):
    clients = [connect() for _ in range(size)]
    path = f"/bench/{os.getpid()}-{size}"
    done = [0] * size
    over = threading.Event()

    def contend(number):
        lock = clients[number].Lock(path)
        while not over.is_set():
            lock.acquire()
            done[number] += 1
            lock.release()

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(size)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 2)
    begin, cpu, before = time.monotonic(), time.process_time(), sum(done)
    time.sleep(SECONDS)
    count = sum(done) - before
    used = time.process_time() - cpu
    rate = count / (time.monotonic() - begin)
    print(json.dumps({"contenders": size, "rate": rate, "cpuUs": used * 1e6 / count}), flush=True)
    over.set()
    for thread in threads:
        thread.join()
    for client in clients:
        client.stop()
        client.close()


for each in sys.argv[3:]:
    measure(int(each))
