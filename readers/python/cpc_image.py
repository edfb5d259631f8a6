"""Reads the process images of cpc-partition: values of a plant in shared memory, without a lock and without a way back.

Standard library only, Python 3.8 and newer, Linux on 64-bit little-endian machines. Copy this file into your program.

    with ProcessImage("modbus_image") as image:
        while True:
            if image.wait(timeout=1.0):
                pressure = image.snapshot("pump")["pump: pressure"]
                print(pressure.value, pressure.is_good, pressure.age)

An image may be missing, be replaced by another, or lose its writer at any time. `wait` and all others open it again by themselves; what
needs an image when there is none raises ImageError. A Snapshot is a copy of one whole poll and stays valid whatever happens.
docs/process-image.md says what every field means. One ProcessImage for each thread.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import stat
import struct
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

__all__ = ["ImageError", "Point", "ProcessImage", "Reading", "Server", "Snapshot", "TYPE_NAMES", "Value"]

Scalar = Union[None, bool, int, float, str, bytes]
"""Boolean: bool. Integers, StatusCode, DateTime (100 ns since 1601 UTC): int. Float, Double: float. ByteString: bytes. All others: str,
the nested types (NodeId, LocalizedText, ...) as the text of their OPC UA JSON encoding."""
Value = Union[Scalar, List[Scalar]]
"""Arrays and matrices are flat lists, row by row."""

TYPE_NAMES = (
    "Null Boolean SByte Byte Int16 UInt16 Int32 UInt32 Int64 UInt64 Float Double String DateTime Guid ByteString XmlElement NodeId "
    "ExpandedNodeId StatusCode QualifiedName LocalizedText ExtensionObject DataValue Variant DiagnosticInfo"
).split()
"""Names of the built-in types by number: OPC 10000-6, Table 1."""
CONNECTIONS = ("waiting", "connecting", "connected", "lost", "stopped")

_BYTE_STRING = 15
_NULL_LENGTH = 0xFFFFFFFF
# What a record holds of these types, widened to 8 bytes, and what a packed array holds of them.
_PACKED = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q", 19: "I"}
_SCALARS = {number: struct.Struct("<" + code) for number, code in _PACKED.items()}
_EXTENT = struct.Struct("<II")
_TIMES_AND_STATUS = struct.Struct("<qqI")
_POLL = struct.Struct("<IIQqqqqq")
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98}
_LOOK_AGAIN_S = 0.2  # A writer that was killed wakes nobody.


class ImageError(Exception):
    """There is no image of that name, or none that this reader knows."""


class Point(NamedTuple):
    key: str
    description: str
    unit: str
    type: int
    """As configured or learned; a reading has its own."""
    server: str
    position: int
    room: int
    capacity_bytes: int


class Server(NamedTuple):
    number: int
    alias: str
    connection_key: str
    connection_description: str
    interval_ms: int
    points: Tuple[Point, ...]
    block: int
    bank_bytes: int


class Reading(NamedTuple):
    value: Value
    type: int
    dimensions: Tuple[int, ...]
    """Of a matrix; empty for all else."""
    status: int
    """OPC UA status code; 0 is Good."""
    source_ns: int
    """The server's time of the value in ns since 1970 UTC; 0: it gave none."""
    received_ns: int

    @property
    def is_good(self) -> bool:
        return self.status >> 30 == 0

    @property
    def is_bad(self) -> bool:
        return self.status >> 31 == 1

    @property
    def age(self) -> float:
        """Seconds since the value, or the status that it has now, came to the partition."""
        return (time.time_ns() - self.received_ns) / 1e9

    @property
    def type_name(self) -> str:
        return TYPE_NAMES[self.type]


class Snapshot:
    """One poll of one server: a copy, complete, never a mixture."""

    def __init__(self, image: _Image, server: Server, bank: bytes, published: int) -> None:
        self.server = server
        self.bank = bank
        self.published = published
        self._image = image
        (
            self._connection,
            self._error_bytes,
            self.cycle,
            self.published_ns,
            self.last_good_ns,
            self.duration_ns,
            self.certificate_ends_ns,
            self.error_ns,
        ) = _POLL.unpack_from(bank)

    @property
    def connection(self) -> str:
        return CONNECTIONS[self._connection] if self._connection < len(CONNECTIONS) else str(self._connection)

    @property
    def error(self) -> str:
        """The last failure; whether it is over, `connection` tells."""
        return self.bank[64 : 64 + self._error_bytes].decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self.server.points)

    def __getitem__(self, point: Union[int, str]) -> Reading:
        """By the point's key or by its position."""
        position = point if isinstance(point, int) else self._image.position(self.server.number, point)
        record = self._record(position)
        value, dimensions = self._value(position, record)
        source_ns, received_ns, status = _TIMES_AND_STATUS.unpack_from(self.bank, record + 8)
        return Reading(value, self.bank[record + 28], dimensions, status, source_ns, received_ns)

    def items(self) -> Iterator[Tuple[Point, Reading]]:
        return ((point, self[point.position]) for point in self.server.points)

    def values(self) -> List[Value]:
        """All values in the order of `server.points`: the fast way, one unpacking for all scalars."""
        first = self._image.poll_bytes
        stride = self._image.record_bytes
        end = first + stride * len(self)
        kinds = self.bank[first + 28 : end : stride] + self.bank[first + 29 : end : stride]
        plan, others = self._image.plan(self.server.number, kinds)
        values: List[Value] = list(plan.unpack_from(self.bank, first))
        for position in others:
            values[position] = self._value(position, self._record(position))[0]
        return values

    def statuses(self) -> List[int]:
        first = self._image.poll_bytes
        stride = self._image.record_bytes
        return [status for (status,) in struct.iter_unpack(f"<24xI{stride - 28}x", self.bank[first : first + stride * len(self)])]

    def _record(self, position: int) -> int:
        if not 0 <= position < len(self.server.points):
            raise IndexError(f"no point {position}: {self.server.alias} has {len(self.server.points)}")
        return self._image.poll_bytes + position * self._image.record_bytes

    def _value(self, position: int, record: int) -> Tuple[Value, Tuple[int, ...]]:
        kind = self.bank[record + 28]
        shape = self.bank[record + 29]
        scalar = _SCALARS.get(kind)
        if kind == 0:
            return None, ()
        if shape == 0 and scalar is not None:
            result: Scalar = scalar.unpack_from(self.bank, record)[0]
            return result, ()
        length, elements = _EXTENT.unpack_from(self.bank, record)
        if length == _NULL_LENGTH:
            return None, ()
        point = self.server.points[position]
        room = self.bank[point.room : point.room + min(length, point.capacity_bytes)]
        if shape == 0:
            return _text(room, kind), ()
        dimensions: Tuple[int, ...] = ()
        if shape >= 2:
            head = (4 * shape + 7) // 8 * 8
            if len(room) < head:  # Not even the dimensions had room.
                return [], ()
            dimensions = struct.unpack_from(f"<{shape}I", room)
            room = room[head:]
        return _elements(room, kind, elements), dimensions


class ProcessImage:
    """An image by its name, as "opcua_image"; there need not be one yet."""

    def __init__(self, name: str) -> None:
        if "/" in name or name in ("", ".", ".."):
            raise ValueError(f'cannot use {name!r} as the name of an image, right would be one like "opcua_image"')
        self.name = name
        self._image: Optional[_Image] = None
        self._seen: Tuple[Optional[_Image], int] = (None, 0)

    def __enter__(self) -> ProcessImage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
            self._image = None

    @property
    def servers(self) -> Tuple[Server, ...]:
        return self._current().servers

    @property
    def points(self) -> List[Point]:
        return [point for server in self.servers for point in server.points]

    @property
    def service(self) -> str:
        return "opcua" if self._current().word(44) == 1 else "modbus"

    @property
    def generation(self) -> int:
        return self._current().word(48)

    @property
    def heartbeat_age(self) -> float:
        """Seconds since the writer last said that it lives."""
        return (time.time_ns() - self._current().integer(72)) / 1e9

    def has_writer(self) -> bool:
        """True while a process writes this image: the kernel knows by the writer's lock, which goes with the process."""
        try:
            return self._current().is_locked()
        except ImageError:
            return False

    def snapshot(self, server: Union[int, str]) -> Snapshot:
        """A copy of the last complete poll of a server, given by its alias or index."""
        # The second round is for an image that was retired during the first one.
        for _ in range(2):
            snapshot = self._current().snapshot(server)
            if snapshot is not None:
                return snapshot
        raise ImageError(f"cannot copy {self.name} because its writer publishes faster than this process reads")

    def wait(self, timeout: float) -> bool:
        """Sleeps until any server's poll was published since this last returned True; False when the time in seconds is over.

        What is there at the first call counts as new, and so does another image. Other threads run meanwhile.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                image: Optional[_Image] = self._current()
            except ImageError:
                image = None
            if image is not None:
                publications = image.publications
                if self._seen != (image, publications):
                    self._seen = (image, publications)
                    return True
            rest = min(end - time.monotonic(), _LOOK_AGAIN_S)
            if rest <= 0:
                return False
            if image is None:
                time.sleep(rest)
            else:
                image.sleep(self._seen[1], rest)

    def _current(self) -> _Image:
        if self._image is None or not self._image.is_current():
            self.close()
            self._image = _Image(self.name)
        return self._image


class _Image:
    """One image, mapped read-only: open() and not SharedMemory, whose resource tracker would unlink it."""

    def __init__(self, name: str) -> None:
        self._path = f"/dev/shm/{name}"
        self._address = 0
        self._woken_for = -1
        self._views: List[memoryview] = []
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise ImageError(f"cannot read {name} because there is none") from error
        try:
            self._map(name)
            self._read_directory(name)
        except (struct.error, IndexError) as error:
            self.close()
            raise ImageError(f"cannot read {name} because it contradicts itself") from error
        except BaseException:
            self.close()
            raise
        self._plans: Dict[int, Tuple[bytes, struct.Struct, List[int]]] = {}
        self._positions: Dict[int, Dict[str, int]] = {}
        self._fence = threading.Lock()
        self._fence.acquire()

    def _map(self, name: str) -> None:
        state = os.fstat(self._descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size < 192:
            raise ImageError(f"cannot read {name} because it is no process image")
        self._file = (state.st_dev, state.st_ino)
        self._size = state.st_size
        address = _libc.mmap(None, self._size, mmap.PROT_READ, mmap.MAP_SHARED, self._descriptor, 0)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), f"cannot map {name}")
        self._address = int(address)
        usable = self._size - self._size % 8
        self._bytes = memoryview((ctypes.c_ubyte * usable).from_address(self._address)).cast("B").toreadonly()
        self._words = self._bytes.cast("I")
        self._integers = self._bytes.cast("q")
        self._views = [self._words, self._integers, self._bytes]

    def _read_directory(self, name: str) -> None:
        if self.word(0) != 0x49435043 or self.word(4) != 0x4547414D:
            raise ImageError(f"cannot read {name} because it is no process image")
        version = self.word(8)
        if version >> 16 != 1:
            raise ImageError(f"cannot read {name} because it has version {version >> 16}.{version & 0xFFFF} and this reader knows 1")
        if self.word(16) > self._size:
            raise ImageError(f"cannot read {name} because it has {self.word(16)} bytes and only {self._size} are there")
        server_table, point_table = self.word(24), self.word(32)
        server_stride, point_stride = self.word(144), self.word(148)
        self.banks_offset, self.poll_bytes, self.record_bytes = self.word(152), self.word(156), self.word(160)
        servers = []
        for index in range(self.word(20)):
            entry = server_table + index * server_stride
            texts = self._texts(entry)
            first, count, block, bank_bytes, interval_ms = struct.unpack_from("<5I", self._bytes, entry + 24)
            points = []
            for position in range(count):
                at = point_table + (first + position) * point_stride
                kind, capacity, room = struct.unpack_from("<3I", self._bytes, at + 24)
                points.append(Point(*self._texts(at), kind, texts[0], position, room, capacity))
            if block % 64 != 0 or block + self.banks_offset + 2 * bank_bytes > self.word(16):
                raise ImageError(f"cannot read {name} because it contradicts itself")
            servers.append(Server(index, *texts, interval_ms, tuple(points), block, bank_bytes))
        self.servers: Tuple[Server, ...] = tuple(servers)

    def _texts(self, entry: int) -> Tuple[str, str, str]:
        extents = struct.unpack_from("<6I", self._bytes, entry)
        first, second, third = (
            bytes(self._bytes[start : start + length]).decode("utf-8") for start, length in zip(extents[0::2], extents[1::2])
        )
        return first, second, third

    def word(self, offset: int) -> int:
        return self._words[offset // 4]

    def integer(self, offset: int) -> int:
        return self._integers[offset // 8]

    @property
    def publications(self) -> int:
        return self.word(164)

    def is_current(self) -> bool:
        """The name still leads here. A retired image that has the name is the last one there is."""
        try:
            state = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return (state.st_dev, state.st_ino) == self._file

    def is_locked(self) -> bool:
        # struct flock of 64-bit Linux; F_OFD_GETLK is 36. Asking disturbs nobody; never set a lock here: it would keep a writer away.
        question = struct.pack("<hh4xqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(self._descriptor, 36, question)
        return int(struct.unpack_from("<h", answer)[0]) != fcntl.F_UNLCK

    def snapshot(self, which: Union[int, str]) -> Optional[Snapshot]:
        server = self._server(which)
        counters = server.block // 4
        for _ in range(100):
            published = self._words[counters + 1]
            start = server.block + self.banks_offset + (published & 1) * server.bank_bytes
            bank = bytes(self._bytes[start : start + server.bank_bytes])
            self._memory_fence()
            begun = self._words[counters]
            if (begun - published) & 0xFFFFFFFF <= 1:
                return Snapshot(self, server, bank, published)
        return None

    def _memory_fence(self) -> None:
        """No byte of the copy may be read after `begun`: nothing falls behind the release of a lock or overtakes its acquisition."""
        self._fence.release()
        self._fence.acquire()

    def _server(self, which: Union[int, str]) -> Server:
        for server in self.servers:
            if which in (server.alias, server.number):
                return server
        raise KeyError(f"no server {which!r}: there are {', '.join(server.alias for server in self.servers)}")

    def position(self, server: int, key: str) -> int:
        if server not in self._positions:
            self._positions[server] = {point.key: point.position for point in self.servers[server].points}
        return self._positions[server][key]

    def plan(self, server: int, kinds: bytes) -> Tuple[struct.Struct, List[int]]:
        """One format for all records of a server, made again when a type changed, and the positions that need more than that."""
        known = self._plans.get(server)
        if known is None or known[0] != kinds:
            count = len(kinds) // 2
            codes = [_PACKED.get(kinds[n]) if kinds[count + n] == 0 else None for n in range(count)]
            parts = (code or "Q" for code in codes)
            form = "<" + "".join(f"{part}{self.record_bytes - struct.calcsize(part)}x" for part in parts)
            others = [n for n, code in enumerate(codes) if code is None]
            known = (kinds, struct.Struct(form), others)
            self._plans[server] = known
        return known[1], known[2]

    def sleep(self, publications: int, timeout: float) -> None:
        """FUTEX_WAIT, not private: the key of the word is the file, so a read-only mapping will do."""
        seconds = int(timeout)
        rest = _Timespec(seconds, int((timeout - seconds) * 1e9))
        word = ctypes.c_void_p(self._address + 164)
        zero = ctypes.c_int(0)
        result = _libc.syscall(_SYS_FUTEX, word, zero, ctypes.c_uint32(publications), ctypes.byref(rest), None, zero)
        if result == 0:  # The writer wakes the first sleepers only; they wake the others, once for each publication: no two for ever.
            if self._woken_for != self.publications:
                self._woken_for = self.publications
                _libc.syscall(_SYS_FUTEX, word, ctypes.c_int(1), ctypes.c_uint32(0x7FFFFFFF), None, None, zero)
        elif result == -1 and ctypes.get_errno() not in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            time.sleep(min(timeout, 0.001))  # No such call here: look again soon.

    def close(self) -> None:
        # Released views refuse every access, so that nobody touches what is unmapped.
        for view in self._views:
            view.release()
        self._views = []
        if self._address != 0:
            _libc.munmap(self._address, self._size)
            self._address = 0
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_int64), ("tv_nsec", ctypes.c_int64)]


def _text(room: bytes, kind: int) -> Scalar:
    return room if kind == _BYTE_STRING else room.decode("utf-8", "replace")


def _elements(room: bytes, kind: int, count: int) -> List[Scalar]:
    code = _PACKED.get(kind)
    if code is not None:
        fitting = min(count, len(room) // struct.calcsize(code))
        return list(struct.unpack_from(f"<{fitting}{code}", room))
    values: List[Scalar] = []
    at = 0
    while len(values) < count and at + 4 <= len(room):
        length = int.from_bytes(room[at : at + 4], "little")
        at += 4
        if length == _NULL_LENGTH:
            values.append(None)
        else:
            values.append(_text(room[at : at + length], kind))
            at += (length + 3) // 4 * 4
    return values


def _load_libc() -> Any:
    if sys.byteorder != "little" or sys.maxsize < 2**32:
        raise ImportError("process images are read on 64-bit little-endian machines")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.syscall.restype = ctypes.c_long
    return libc


_libc = _load_libc()
_SYS_FUTEX = ctypes.c_long(_FUTEX.get(platform.machine(), -1))
