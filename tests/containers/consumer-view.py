"""What a consumer in another container sees: `consumer-view.py moving` or `consumer-view.py stopped`, from standard input.

moving: every server is connected and values of every service change, read under the guard; nothing that the partition made
can be removed, and its image can be read but not written. stopped: every connection says false.
Ends with 1 and what it saw last when that does not become true in time.
"""

import json
import os
import sys
import time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import posix_ipc

# Ends what hangs; a loaded machine needs a minute until the plant is up.
DEADLINE_S = 300
SERVICES = ("opcua", "modbus")


def read(service):
    """The document, or None while there is none."""
    try:
        segment = SharedMemory(name=f"{service}_shm")
    except FileNotFoundError:
        return None
    resource_tracker.unregister(f"/{service}_shm", "shared_memory")
    try:
        guard = posix_ipc.Semaphore(f"{service}_semaphore")
        guard.acquire(5)
        try:
            content = bytes(segment.buf)
        finally:
            guard.release()
            guard.close()
    except posix_ipc.ExistentialError:
        return None
    finally:
        segment.close()
    return json.loads(content.rstrip(b"\0") or b"{}")


def connections(document):
    return [entry["value"] for key, entry in (document or {}).items() if "Connection" in key]


def numbers(document):
    return {
        key: entry["value"]
        for key, entry in (document or {}).items()
        if isinstance(entry["value"], (int, float)) and not isinstance(entry["value"], bool)
    }


def moves(before, now):
    return all(connections(now)) and any(
        key in before and before[key] != value for key, value in numbers(now).items()
    )


def wait_until(is_reached):
    """Reads every service again and again; `is_reached(numbers of the reading before, document)`."""
    for service in SERVICES:
        before = {}
        end = time.monotonic() + DEADLINE_S
        while True:
            document = read(service)
            if connections(document) and is_reached(before, document):
                print(service, json.dumps(document, ensure_ascii=False)[:160], "...", flush=True)
                break
            if time.monotonic() > end:
                sys.exit(f"{service} did not get there; the last document was {document}")
            before = numbers(document)
            time.sleep(0.2)


def refused(action, what):
    try:
        action()
    except PermissionError:
        return
    sys.exit(f"the consumer may {what}")


def check_one_way():
    for service in SERVICES:
        image = f"/dev/shm/{service}_image"
        with open(image, "rb") as file:
            if not file.read(64).strip(b"\0"):
                sys.exit(f"{image} is empty")
        refused(lambda: open(image, "r+b"), f"write {image}")
        for name in (f"{service}_shm", f"{service}_image", f"sem.{service}_semaphore"):
            refused(lambda: os.unlink(f"/dev/shm/{name}"), f"remove {name}")


if __name__ == "__main__":
    if sys.argv[1] == "moving":
        wait_until(moves)
        check_one_way()
    else:
        wait_until(lambda _, document: not any(connections(document)))
