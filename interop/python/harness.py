"""What every Python program here shares: one line per check, and the wish to have the server restarted."""

import sys
import time
import traceback


def check(name, body):
    try:
        body()
        print(f"ok {name}", flush=True)
    except Exception as error:  # a check reports whatever went wrong
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"not ok {name}: {type(error).__name__} {error!r} line {where.lineno}".replace("\n", " "), flush=True)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def raises(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}")


def eventually(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"never happened: {what}")


def restart_server(signal):
    print(f"@restart {signal}", flush=True)
    sys.stdin.readline()
