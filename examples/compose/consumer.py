"""Prints what the partition publishes, once a second: a program in another container, another user, the same group.

With an argument it reads the documents of that consumer: `consumer.py psmo` for CPC_CONSUMERS=psmo.
For each document it takes the semaphore, copies the segment, gives the semaphore back and only then parses.
"""

import json
import sys
import time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import posix_ipc


def attach(name):
    """The segment, as soon as it is there."""
    while True:
        try:
            segment = SharedMemory(name=name)
            break
        except FileNotFoundError:
            time.sleep(0.5)
    # Python removes a segment that it merely opened when the program ends; from 3.13 on, track=False says the same as this line.
    resource_tracker.unregister(f"/{name}", "shared_memory")
    return segment


def read(segment, guard):
    guard.acquire(5)
    try:
        content = bytes(segment.buf)
    finally:
        guard.release()
    return json.loads(content.rstrip(b"\0") or b"{}")


def main():
    suffix = "".join(f"_{consumer}" for consumer in sys.argv[1:2])
    services = []
    for service in ("opcua", "modbus"):
        segment = attach(f"{service}_shm{suffix}")
        services.append((segment, posix_ipc.Semaphore(f"{service}_semaphore{suffix}")))
    while True:
        values = {}
        for segment, guard in services:
            values.update((key, entry["value"]) for key, entry in read(segment, guard).items())
        print(json.dumps(values, ensure_ascii=False), flush=True)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit()
