"""What both stand-ins for the Python reference share: the way in which it publishes a document."""

import json
import os
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

    def remove(self):
        self.segment.close()
        self.segment.unlink()
        self.semaphore.unlink()
        self.semaphore.close()
