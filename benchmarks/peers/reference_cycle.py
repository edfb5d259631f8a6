"""What both reference peers share: one cycle on demand, measured, published the way the reference publishes.

A peer prints {"ready": true} and then answers every line of its standard input with one cycle: {"wallMs", "cpuMs", "rssMiB", "bytes"}.
"""

import json
import os
import resource
import sys
import time
from multiprocessing import shared_memory

import posix_ipc


class Publisher:
    def __init__(self, size):
        self.name = f"benchmark_{os.getpid()}"
        self.segment = shared_memory.SharedMemory(name=self.name, create=True, size=size)
        self.semaphore = posix_ipc.Semaphore("/" + self.name, posix_ipc.O_CREX, initial_value=1)

    def publish(self, document):
        data = json.dumps(document).encode("utf-8")
        self.semaphore.acquire()
        try:
            self.segment.buf[: len(data)] = data
            self.segment.buf[len(data) :] = bytes(self.segment.size - len(data))
        finally:
            self.semaphore.release()
        return len(data)

    def remove(self):
        self.segment.close()
        self.segment.unlink()
        self.semaphore.unlink()
        self.semaphore.close()


def rss_mib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def say(line):
    print(json.dumps(line), flush=True)


async def cycles(read_document, publisher, next_line):
    say({"ready": True})
    while await next_line():
        wall, cpu = time.perf_counter(), time.process_time()
        size = publisher.publish(await read_document())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        say({"wallMs": wall * 1e3, "cpuMs": cpu * 1e3, "rssMiB": rss_mib(), "bytes": size})


def run(read_document, publisher):
    """The same for a peer without asyncio."""

    async def document():
        return read_document()

    async def next_line():
        return sys.stdin.readline()

    step = cycles(document, publisher, next_line)
    try:
        step.send(None)
    except StopIteration:
        pass
