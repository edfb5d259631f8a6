"""A consumer as programs written for the Python reference have it: shared_memory, posix_ipc, json, nothing else.

    consumer.py SEGMENT SEMAPHORE [--untracked]

It attaches to the segment and the semaphore (which must exist), then obeys one command per line of standard input, each
answered by one line of JSON:

    read            {"text": TEXT}       the document as it stands, NULs stripped; not looked at
    keys            {"keys": [...]}      the keys of the parsed document, in order
    compare FILE    {"differences": []}  what FILE (JSON, key to members such as "value" and "varType") wants and does not find; a value that is null wants no entry
    acknowledge     {"text": TEXT}       like read, and overwrites the segment with 32 hex characters before the guard is given back
    hold            {"holding": true}    takes the guard and keeps it until `release`
    release         {"holding": false}
    guard           {"value": N}         the value of the semaphore now
    inode           {"inode": N}         of the segment that is attached
    truncate        {"size": 0}          cuts the segment to nothing
    unlink          {"unlinked": NAME}   removes the semaphore's name
    die             (no answer)          takes the guard and is gone, without giving it back

An attached segment is *unlinked* when the process ends, unless it was opened with track=False (Python 3.13 and newer): the resource tracker
takes it for its own. That is the plain behaviour here too. With --untracked the tracker is told to leave it alone.
"""

import argparse
import json
import os
import secrets
import struct
import sys
from multiprocessing import resource_tracker, shared_memory

import posix_ipc


def attach(name, untracked):
    if not untracked:
        return shared_memory.SharedMemory(name=name)
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name=name, track=False)
    segment = shared_memory.SharedMemory(name=name)
    resource_tracker.unregister("/" + segment.name, "shared_memory")
    return segment


def same(found, wanted, var_type=""):
    """Equality that tells true from 1, 25 from 25.0, a rounded integer from an exact one, -0.0 from 0.0; a Float has 32 bits.

    Files of wanted values are strict JSON: there, NaN and the infinities of a Float or Double are strings.
    """
    if var_type in ("Float", "Double") and wanted in ("NaN", "Infinity", "-Infinity"):
        wanted = float(wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(same(*pair, var_type) for pair in zip(found, wanted))
    if isinstance(wanted, dict):
        return isinstance(found, dict) and found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, float):
        layout = "<f" if var_type == "Float" else "<d"
        return isinstance(found, float) and struct.pack(layout, found) == struct.pack(layout, wanted)
    return type(found) is type(wanted) and found == wanted


def differences(document, wanted):
    for key, entry in wanted.items():
        if entry["value"] is None:
            if key in document:
                yield f"{key} is there, wanted no entry"
            continue
        if key not in document:
            yield f"{key} is missing"
            continue
        for member, value in entry.items():
            if member == "source":
                continue
            found = document[key].get(member, "nothing")
            if not same(found, value, entry.get("varType")):
                yield f"{key}: {member} is {found!r}, wanted {value!r}"


class Consumer:
    def __init__(self, segment, semaphore):
        self.segment = segment
        self.semaphore = semaphore

    def copy(self, acknowledgement=None):
        self.semaphore.acquire()
        try:
            data = bytes(self.segment.buf)
            if acknowledgement is not None:
                self.segment.buf[: len(acknowledgement)] = acknowledgement
        finally:
            self.semaphore.release()
        return data.rstrip(b"\x00").decode("utf-8")

    def obey(self, command, argument):
        match command:
            case "read":
                return {"text": self.copy()}
            case "keys":
                return {"keys": list(json.loads(self.copy()))}
            case "compare":
                with open(argument, encoding="utf-8") as file:
                    wanted = json.load(file)
                return {"differences": list(differences(json.loads(self.copy()), wanted))}
            case "acknowledge":
                return {"text": self.copy(secrets.token_hex(16).encode("ascii"))}
            case "hold":
                self.semaphore.acquire()
                return {"holding": True}
            case "release":
                self.semaphore.release()
                return {"holding": False}
            case "guard":
                return {"value": self.semaphore.value}
            case "inode":
                return {"inode": os.fstat(self.segment._fd).st_ino}
            case "truncate":
                os.ftruncate(self.segment._fd, 0)
                return {"size": os.fstat(self.segment._fd).st_size}
            case "unlink":
                self.semaphore.unlink()
                return {"unlinked": self.semaphore.name}
            case "die":
                self.semaphore.acquire()
                os._exit(3)
        return {"error": f"unknown command {command}"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segment")
    parser.add_argument("semaphore")
    parser.add_argument("--untracked", action="store_true")
    arguments = parser.parse_args()
    segment = attach(arguments.segment, arguments.untracked)
    semaphore = posix_ipc.Semaphore(arguments.semaphore)
    consumer = Consumer(segment, semaphore)
    print(json.dumps({"attached": segment.size, "python": list(sys.version_info[:2])}), flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        try:
            answer = consumer.obey(command, argument)
        except ValueError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    semaphore.close()
    segment.close()


main()
