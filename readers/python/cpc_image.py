"""Reads the process images of cpc-partition: values of a plant in shared memory, without a lock and without a way back.

Standard library only, Python 3.8 and newer, Linux on 64-bit little-endian machines. Copy this file into your program; cpc_journal.py reads the
journals. README.md has the whole API, docs/process-image.md says what every field means.

    with ProcessImage("modbus_image") as image:
        while True:
            if image.wait(timeout=1.0):
                snapshot = image.snapshot("pump")
                answer = snapshot.usability("pump: pressure", max_age=2.0)
                print(snapshot["pump: pressure"].value if answer else answer.why)

An image may be missing, be replaced by another, or lose its writer at any time. `wait` and all others open it again by themselves; what
needs an image when there is none raises ImageError. A Snapshot is a copy of one whole poll and stays valid whatever happens. One ProcessImage for
each thread.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import stat
import struct
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

__all__ = [
    "Group",
    "ImageError",
    "Point",
    "ProcessImage",
    "Reading",
    "Server",
    "ServerState",
    "Snapshot",
    "TYPE_NAMES",
    "Usability",
    "Value",
    "to_datetime",
]

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
SECURITIES = ("unknown", "insecure", "secured")
SERVICE_COUNTERS = ("ticks_missed", "objects_restored", "threads")
SERVER_COUNTERS = (
    "connects",
    "failed_connection",
    "failed_timeout",
    "failed_protocol",
    "failed_security",
    "failed_identity",
    "failed_service",
    "failed_stopped",
)
GROUP_COUNTERS = ("polls", "overruns")
HISTOGRAMS = ("poll_duration", "source_to_received", "received_to_published")
"""Element i of a histogram counts durations from 2**(i/4) to 2**((i+1)/4) microseconds."""

_DATE_TIME = 13
_BYTE_STRING = 15
_SHOWN_MEMBERS = {20: "Name", 21: "Text"}  # Of QualifiedName and LocalizedText.
_FIRST_DATE = datetime(1601, 1, 1, tzinfo=timezone.utc)
_LAST_DATE = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
_NULL_LENGTH = 0xFFFFFFFF
# What a record holds of these types, widened to 8 bytes, and what a packed array holds of them.
_PACKED = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q", 19: "I"}
_SCALARS = {number: struct.Struct("<" + code) for number, code in _PACKED.items()}
_EXTENT = struct.Struct("<II")
_TIMES_AND_STATUS = struct.Struct("<qqI")
_POLL = struct.Struct("<I4xQqqqqQ")
_STATE = struct.Struct("<IIqqqqI4x448s")
_DURATIONS = 112
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98}
_LOOK_AGAIN_S = 0.2  # A writer that was killed wakes nobody.


class ImageError(Exception):
    """There is no image or journal of that name, or none that this reader knows."""


class Point(NamedTuple):
    key: str
    description: str
    unit: str
    source: str
    """How the server knows it: node id and display name, or unit, table and address."""
    type: int
    """As configured or learned; a reading has its own."""
    group: int
    """Index of its group."""
    position: int
    """Among the points of its group."""
    room: int
    capacity_bytes: int
    server_position: int
    """Among all points of its server, in the order of the configuration."""
    enumeration: str
    """The texts of its values, a line for each: "0=Stopped"; empty for none."""


class Group(NamedTuple):
    """What is published as a whole: the points of a server that are read at one rate."""

    index: int
    name: str
    """Empty for the only group of a server."""
    server: str
    interval_ms: int
    first_point: int
    points: Tuple[Point, ...]
    block: int
    banks: int
    bank_bytes: int


class Server(NamedTuple):
    index: int
    alias: str
    connection_key: str
    connection_description: str
    security: str
    """One of SECURITIES."""
    groups: Tuple[Group, ...]
    block: int
    banks: int


class ServerState(NamedTuple):
    """A server's connection. Instants are ns since 1970 UTC, 0 for none."""

    connection: str
    """One of CONNECTIONS."""
    changed_ns: int
    error: str
    """The last failure; whether it is over, `connection` says."""
    error_ns: int
    certificate_ends_ns: int
    own_certificate_ends_ns: int
    request_limit: int
    """The most that one request may ask for, 0 for no limit."""


class Usability(NamedTuple):
    """True when the value may be used; if not, `reason` says why to programs, `why` to people."""

    reason: str
    """"usable", "no_image", "writer_dead", "retired", "writer_hangs", "bad_status", "uncertain_status" or "too_old"."""
    why: str

    def __bool__(self) -> bool:
        return self.reason == "usable"


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
    def date_time(self) -> Optional[datetime]:
        """The value of a scalar DateTime in UTC; None for all others. Elements of an array: `to_datetime`."""
        return to_datetime(self.value) if self.type == _DATE_TIME and isinstance(self.value, int) else None

    @property
    def shown(self) -> Union[Value, datetime]:
        """For people: a DateTime as `date_time`, a LocalizedText as its text, a QualifiedName as its name; all else is `value`."""
        member = _SHOWN_MEMBERS.get(self.type)
        if member is None or not isinstance(self.value, str):
            return self.date_time or self.value
        try:
            return json.loads(self.value).get(member, self.value)
        except (ValueError, AttributeError):  # It did not fit into its room, and was cut.
            return self.value

    @property
    def type_name(self) -> str:
        return TYPE_NAMES[self.type] if self.type < len(TYPE_NAMES) else str(self.type)


class Snapshot:
    """One poll of one group: a copy, complete, never a mixture."""

    def __init__(self, image: _Image, group: Group, bank: bytes, published: int) -> None:
        self.group = group
        self.bank = bank
        self.published = published
        self._image = image
        (
            self._connection,
            self.cycle,
            self.requested_ns,
            self.published_ns,
            self.last_good_ns,
            self.duration_ns,
            self.journal_position,
        ) = _POLL.unpack_from(bank)

    @property
    def connection(self) -> str:
        """Of the server when this was published."""
        return _name(CONNECTIONS, self._connection)

    def __len__(self) -> int:
        return len(self.group.points)

    def __getitem__(self, point: Union[int, str, Point]) -> Reading:
        """By the point's key, by its position in the group, or by itself. KeyError for a point of another group or image."""
        position = self._position(point)
        record = self._record(position)
        value, dimensions = self._value(position, record)
        source_ns, received_ns, status = _TIMES_AND_STATUS.unpack_from(self.bank, record + 8)
        return Reading(value, self.bank[record + 28], dimensions, status, source_ns, received_ns)

    def usability(self, point: Union[int, str, Point], max_age: float, accept_uncertain: bool = False) -> Usability:
        """Whether the value may be used, or why not. `max_age`: the age in seconds that the program can live with.

        Asks the kernel whether the writer lives, since good statuses stay in the image when it is killed.
        """
        _, received_ns, status = _TIMES_AND_STATUS.unpack_from(self.bank, self._record(self._position(point)) + 8)
        unusable = self._image.unusable()
        if unusable is not None:
            return unusable
        if status >> 31 == 1:
            return Usability("bad_status", f"its status is bad: {status:08X}")
        if status >> 30 != 0 and not accept_uncertain:
            return Usability("uncertain_status", f"its status is uncertain: {status:08X}")
        # The clock may have been set back: what comes from the future is of no known age.
        age = abs(time.time_ns() - received_ns) / 1e9
        if not age <= max_age:
            return Usability("too_old", f"it is {age:.1f} s old, and no more than {max_age:.1f} s is wanted")
        return Usability("usable", "usable")

    def items(self) -> Iterator[Tuple[Point, Reading]]:
        return ((point, self[point.position]) for point in self.group.points)

    def values(self) -> List[Value]:
        """All values in the order of `group.points`: the fast way, one unpacking for all scalars."""
        first = self._image.poll_bytes
        stride = self._image.record_bytes
        end = first + stride * len(self)
        kinds = self.bank[first + 28 : end : stride] + self.bank[first + 29 : end : stride]
        plan, others = self._image.plan(self.group.index, kinds)
        values: List[Value] = list(plan.unpack_from(self.bank, first))
        for position in others:
            values[position] = self._value(position, self._record(position))[0]
        return values

    def statuses(self) -> List[int]:
        first = self._image.poll_bytes
        stride = self._image.record_bytes
        return [status for (status,) in struct.iter_unpack(f"<24xI{stride - 28}x", self.bank[first : first + stride * len(self)])]

    def _position(self, point: Union[int, str, Point]) -> int:
        if isinstance(point, int):
            return point
        position = self._image.position(self.group, point.key if isinstance(point, Point) else point)
        if isinstance(point, Point) and self.group.points[position] is not point:
            raise KeyError(f"{point.key} is a point of another image than the snapshot")
        return position

    def _record(self, position: int) -> int:
        if not 0 <= position < len(self.group.points):
            raise IndexError(f"no point {position}: the group has {len(self.group.points)}")
        return self._image.poll_bytes + position * self._image.record_bytes

    def _value(self, position: int, record: int) -> Tuple[Value, Tuple[int, ...]]:
        point = self.group.points[position]
        room = memoryview(self.bank)[point.room : point.room + point.capacity_bytes]
        return read_value(self.bank, record, room, self.bank[record + 28], self.bank[record + 29])


class ProcessImage:
    """An image by its name, as "opcua_image"; there need not be one yet."""

    def __init__(self, name: str) -> None:
        check_name(name)
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
    def groups(self) -> Tuple[Group, ...]:
        return self._current().groups

    @property
    def points(self) -> List[Point]:
        """In the order of the indices that the journal names."""
        return [point for group in self.groups for point in group.points]

    @property
    def service(self) -> str:
        return "opcua" if self._current().word(44) == 1 else "modbus"

    @property
    def services(self) -> int:
        """What the partition of this image runs: 1 for OPC UA and 2 for Modbus TCP, added; 0 when the writer does not tell."""
        image = self._current()
        return image.word(260) if image.word(8) & 0xFFFF >= 3 else 0

    @property
    def generation(self) -> int:
        return self._current().word(88)

    @property
    def points_since(self) -> int:
        """The generation since which every point has had its index: a change with a smaller one names another point."""
        return self._current().word(92)

    @property
    def is_retired(self) -> bool:
        return self._current().is_retired()

    @property
    def publications(self) -> int:
        """Of all groups and servers; 32 bits, wraps."""
        return self._current().publications

    @property
    def interval_ms(self) -> int:
        return self._current().word(108)

    @property
    def started_ns(self) -> int:
        return self._current().integer(112)

    @property
    def heartbeat_ns(self) -> int:
        return self._current().integer(120)

    @property
    def heartbeat_age(self) -> float:
        """Seconds since the writer last said that it lives."""
        return (time.time_ns() - self.heartbeat_ns) / 1e9

    def counters(self) -> Dict[str, int]:
        """Of the service, by their names in SERVICE_COUNTERS."""
        return self._current().counters(128, SERVICE_COUNTERS)

    def server_counters(self, server: Union[int, str]) -> Dict[str, int]:
        """By their names in SERVER_COUNTERS."""
        image = self._current()
        return image.counters(image.server(server).block + 64, SERVER_COUNTERS)

    def group_counters(self, group: Union[int, str, Tuple[str, str]]) -> Dict[str, int]:
        """By their names in GROUP_COUNTERS."""
        image = self._current()
        return image.counters(image.group(group).block + 64, GROUP_COUNTERS)

    def histogram(self, group: Union[int, str, Tuple[str, str]], name: str) -> List[int]:
        """The counts of one of HISTOGRAMS."""
        image = self._current()
        return image.histogram(image.group(group), HISTOGRAMS.index(name))

    def server_state(self, server: Union[int, str]) -> ServerState:
        """The connection of a server, given by its alias or index."""
        for _ in range(2):
            image = self._current()
            state = image.server_state(image.server(server))
            if state is not None:
                return state
        raise self._overtaken()

    def has_writer(self) -> bool:
        """True while a process writes this image: the kernel knows by the writer's lock, which goes with the process."""
        try:
            return self._current().is_locked()
        except ImageError:
            return False

    def snapshot(self, group: Union[int, str, Tuple[str, str]]) -> Snapshot:
        """A copy of the last complete poll of a group: its index, (alias, name), or the alias of a server with one group."""
        # The second round is for an image that was retired during the first one.
        for _ in range(2):
            image = self._current()
            snapshot = image.snapshot(image.group(group))
            if snapshot is not None:
                return snapshot
        raise self._overtaken()

    def wait(self, timeout: float) -> bool:
        """Sleeps until any group was published since this last returned True; False when the time in seconds is over.

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

    def _overtaken(self) -> ImageError:
        return ImageError(f"cannot copy {self.name} because its writer publishes faster than this process reads")

    def _current(self) -> _Image:
        if self._image is None or not self._image.is_current():
            self.close()
            self._image = _Image(self.name)
        return self._image


class SharedObject:
    """An object of shared memory, mapped read-only: open() and not SharedMemory, whose resource tracker would unlink it."""

    def __init__(self, name: str, least_bytes: int) -> None:
        self.name = name
        self._path = f"/dev/shm/{name}"
        self._address = 0
        self._views: List[memoryview] = []
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise ImageError(f"cannot read {name} because there is none") from error
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self.refusal("somebody put a link in its place") from error
        self._fence = threading.Lock()
        self._fence.acquire()
        try:
            self._map(least_bytes)
        except BaseException:
            self.close()
            raise

    def _map(self, least_bytes: int) -> None:
        state = os.fstat(self._descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size < least_bytes:
            raise self.refusal("it is no process image and no journal")
        self._file = (state.st_dev, state.st_ino)
        self._size = state.st_size
        address = _libc.mmap(None, self._size, mmap.PROT_READ, mmap.MAP_SHARED, self._descriptor, 0)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), f"cannot map {self.name}")
        self._address = int(address)
        self.size = self._size - self._size % 8
        self._bytes = memoryview((ctypes.c_ubyte * self.size).from_address(self._address)).cast("B").toreadonly()
        self._words = self._bytes.cast("I")
        self._integers = self._bytes.cast("q")
        self._naturals = self._bytes.cast("Q")
        self._views = [self._words, self._integers, self._naturals, self._bytes]

    def check_kind(self, magic: Tuple[int, int], major: int) -> None:
        if (self.word(0), self.word(4)) != magic:
            raise self.refusal("it has another magic")
        if self.word(12) != 0x01020304:
            raise self.refusal("it has another byte order")
        version = self.word(8)
        if version >> 16 != major:
            raise self.refusal(f"it has version {version >> 16}.{version & 0xFFFF} and this reader knows {major}")

    def refusal(self, why: str) -> ImageError:
        return ImageError(f"cannot read {self.name} because {why}")

    def demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise self.refusal(f"it contradicts itself: {what}")

    def word(self, offset: int) -> int:
        return self._words[offset // 4]

    def integer(self, offset: int) -> int:
        return self._integers[offset // 8]

    def natural(self, offset: int) -> int:
        return self._naturals[offset // 8]

    def copy(self, start: int, length: int) -> bytes:
        return bytes(self._bytes[start : start + length])

    def memory_fence(self) -> None:
        """No byte of a copy may be read after the next load: nothing falls behind the release of a lock or overtakes its acquisition."""
        self._fence.release()
        self._fence.acquire()

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
        return int(struct.unpack_from("<h", answer)[0]) == fcntl.F_WRLCK  # A read lock is anybody's.

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


class _Image(SharedObject):
    """One image."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 512)
        self._woken_for = -1
        self._plans: Dict[int, Tuple[bytes, struct.Struct, List[int]]] = {}
        self._positions: Dict[int, Dict[str, int]] = {}
        try:
            self._read_directory()
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            self.close()
            raise self.refusal("it contradicts itself") from error
        except BaseException:
            self.close()
            raise

    def _read_directory(self) -> None:
        self.check_kind((0x49435043, 0x4547414D), 2)
        image_bytes = self.natural(48)
        self.demand(512 <= image_bytes <= self.size, f"it has {image_bytes} bytes and {self.size} are there")
        strides = [self.word(at) for at in range(20, 44, 4)]
        minor = self.word(8) & 0xFFFF
        least = (48, 40, (48, 56, 64)[min(minor, 2)], 512, 128, 32)
        self.demand(all(stride >= known for stride, known in zip(strides, least)), "a step is too small")
        server_step, group_step, point_step, self.state_bytes, self.poll_bytes, self.record_bytes = strides
        self.demand(self.poll_bytes % 8 == 0 and self.record_bytes % 8 == 0, "a step is no multiple of 8")
        tables = [(self.word(at), self.word(at + 4)) for at in range(56, 88, 8)]
        steps = (server_step, group_step, point_step, 1)
        self.demand(all(start + count * step <= image_bytes for (start, count), step in zip(tables, steps)), "a table lies outside")
        (server_table, server_count), (group_table, group_count), (point_table, point_count), texts = tables
        seen = 0

        def read_texts(entry: int, count: int) -> List[str]:
            nonlocal seen
            extents = struct.unpack_from(f"<{2 * count}I", self._bytes, entry)
            found = []
            for start, length in zip(extents[0::2], extents[1::2]):
                # Texts that overlap would make any amount of text out of a small image.
                seen += length
                self.demand(texts[0] <= start and start + length < sum(texts) and seen < texts[1], "a text lies outside")
                found.append(self.copy(start, length).decode("utf-8"))
            return found

        shared: Dict[bytes, str] = {}

        def read_shared(entry: int) -> str:
            """Points of one enumeration share its text: read and counted once."""
            extent = self.copy(entry, 8)
            if extent not in shared:
                (shared[extent],) = read_texts(entry, 1)
            return shared[extent]

        def check_block(block: int, head_bytes: int, banks: int, bank_bytes: int) -> None:
            is_aligned = block % 64 == 0 and banks % 8 == 0 and bank_bytes % 8 == 0
            self.demand(is_aligned and block + head_bytes <= banks and banks + 2 * bank_bytes <= image_bytes, "a block lies outside")

        servers: List[Server] = []
        groups: List[Group] = []
        points_seen = 0
        for index in range(server_count):
            entry = server_table + index * server_step
            alias, key, description = read_texts(entry, 3)
            first, count, block, banks, security = struct.unpack_from("<5I", self._bytes, entry + 24)
            self.demand(first == len(groups) and count <= group_count - first, "servers share groups")
            check_block(block, 192, banks, self.state_bytes)
            first_of_server = points_seen
            for group in range(first, first + count):
                at = group_table + group * group_step
                (name,) = read_texts(at, 1)
                owner, first_point, points, group_block, group_banks, bank_bytes, interval_ms = struct.unpack_from(
                    "<7I", self._bytes, at + 8
                )
                self.demand(owner == index, "a group names another server")
                self.demand(first_point == points_seen and points <= point_count - first_point, "groups share points")
                self.demand(self.poll_bytes + points * self.record_bytes <= bank_bytes, "records lie outside their bank")
                check_block(group_block, 1536, group_banks, bank_bytes)
                found = []
                rooms = 0
                for position in range(points):
                    point_at = point_table + (first_point + position) * point_step
                    kind, point_group, capacity, room = struct.unpack_from("<4I", self._bytes, point_at + 32)
                    self.demand(point_group == group, "a point names another group")
                    rooms += capacity
                    self.demand(room + capacity <= bank_bytes and rooms <= bank_bytes, "a room lies outside its bank, or they overlap")
                    at_server = self.word(point_at + 48) if minor else first_point + position - first_of_server
                    enumeration = read_shared(point_at + 56) if minor >= 2 else ""
                    names = read_texts(point_at, 4)
                    found.append(Point(*names, kind, group, position, room, capacity, at_server, enumeration))
                points_seen += points
                groups.append(
                    Group(group, name, alias, interval_ms, first_point, tuple(found), group_block, group_banks, bank_bytes)
                )
            servers.append(Server(index, alias, key, description, _name(SECURITIES, security), tuple(groups[first:]), block, banks))
        self.demand(len(groups) == group_count and points_seen == point_count, "a group or point has no owner")
        self.servers = tuple(servers)
        self.groups = tuple(groups)

    @property
    def publications(self) -> int:
        return self.word(100)

    def is_retired(self) -> bool:
        return self.word(96) == 2

    def unusable(self) -> Optional[Usability]:
        """Why no value of this image is usable."""
        if self._descriptor < 0:
            return Usability("retired", "another image has taken the place of the one that the snapshot is of, or it was closed")
        if not self.is_locked():
            return Usability("writer_dead", "the writer is dead")
        if self.is_retired():
            return Usability("retired", "the image is retired")
        if abs(time.time_ns() - self.integer(120)) >= max(5_000_000_000, 3_000_000 * self.word(108)):
            return Usability("writer_hangs", "the writer hangs, or the clock was set")
        return None

    def counters(self, start: int, names: Tuple[str, ...]) -> Dict[str, int]:
        return {name: self.natural(start + 8 * index) for index, name in enumerate(names)}

    def histogram(self, group: Group, number: int) -> List[int]:
        first = (group.block + 192) // 4 + number * _DURATIONS
        return self._words[first : first + _DURATIONS].tolist()

    def _copy_bank(self, block: int, banks: int, bank_bytes: int) -> Optional[Tuple[bytes, int]]:
        for _ in range(100):
            published = self._words[block // 4 + 1]
            bank = self.copy(banks + (published & 1) * bank_bytes, bank_bytes)
            self.memory_fence()
            begun = self._words[block // 4]
            if (begun - published) & 0xFFFFFFFF <= 1:
                return bank, published
        return None

    def snapshot(self, group: Group) -> Optional[Snapshot]:
        copied = self._copy_bank(group.block, group.banks, group.bank_bytes)
        return None if copied is None else Snapshot(self, group, *copied)

    def server_state(self, server: Server) -> Optional[ServerState]:
        copied = self._copy_bank(server.block, server.banks, self.state_bytes)
        if copied is None:
            return None
        connection, error_bytes, changed, failed, ends, own_ends, limit, error = _STATE.unpack_from(copied[0])
        text = error[:error_bytes].decode("utf-8", "replace")
        return ServerState(_name(CONNECTIONS, connection), changed, text, failed, ends, own_ends, limit)

    def server(self, which: Union[int, str]) -> Server:
        for server in self.servers:
            if which in (server.alias, server.index):
                return server
        raise KeyError(f"no server {which!r}: there are {', '.join(server.alias for server in self.servers)}")

    def group(self, which: Union[int, str, Tuple[str, str]]) -> Group:
        if isinstance(which, str):
            groups = self.server(which).groups
            if len(groups) == 1:
                return groups[0]
        for group in self.groups:
            if which in (group.index, (group.server, group.name)):
                return group
        known = ", ".join(repr((group.server, group.name)) for group in self.groups)
        raise KeyError(f"no group {which!r}, or not only one: there are {known}")

    def position(self, group: Group, key: str) -> int:
        if group.index not in self._positions:
            self._positions[group.index] = {point.key: point.position for point in group.points}
        return self._positions[group.index][key]

    def plan(self, group: int, kinds: bytes) -> Tuple[struct.Struct, List[int]]:
        """One format for all records of a group, made again when a type changed, and the positions that need more than that."""
        known = self._plans.get(group)
        if known is None or known[0] != kinds:
            count = len(kinds) // 2
            codes = [_PACKED.get(kinds[n]) if kinds[count + n] == 0 else None for n in range(count)]
            parts = (code or "Q" for code in codes)
            form = "<" + "".join(f"{part}{self.record_bytes - struct.calcsize(part)}x" for part in parts)
            others = [n for n, code in enumerate(codes) if code is None]
            known = (kinds, struct.Struct(form), others)
            self._plans[group] = known
        return known[1], known[2]

    def sleep(self, publications: int, timeout: float) -> None:
        """FUTEX_WAIT, not private: the key of the word is the file, so a read-only mapping will do."""
        seconds = int(timeout)
        rest = _Timespec(seconds, int((timeout - seconds) * 1e9))
        word = ctypes.c_void_p(self._address + 100)
        zero = ctypes.c_int(0)
        result = _libc.syscall(_SYS_FUTEX, word, zero, ctypes.c_uint32(publications), ctypes.byref(rest), None, zero)
        if result == 0:  # The writer wakes the first sleepers only; they wake the others, once for each publication: no two for ever.
            if self._woken_for != self.publications:
                self._woken_for = self.publications
                _libc.syscall(_SYS_FUTEX, word, ctypes.c_int(1), ctypes.c_uint32(0x7FFFFFFF), None, None, zero)
        elif result == -1 and ctypes.get_errno() not in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            time.sleep(min(timeout, 0.001))  # No such call here: look again soon.


class _Timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_int64), ("tv_nsec", ctypes.c_int64)]


def to_datetime(ticks: int) -> datetime:
    """The instant of a DateTime value in UTC, to the microsecond. What lies before 1601 is 1601-01-01, what lies behind the year 9999 its last second:
    OPC 10000-6, 5.2.2.5."""
    last_us = (_LAST_DATE - _FIRST_DATE) // timedelta(microseconds=1)
    return _FIRST_DATE + timedelta(microseconds=min(max(ticks // 10, 0), last_us))


def check_name(name: str) -> None:
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f'cannot use {name!r} as the name of shared memory; use one like "opcua_image"')


def _name(names: Tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def read_value(record: bytes, at: int, room: memoryview, kind: int, shape: int) -> Tuple[Value, Tuple[int, ...]]:
    """A value and the dimensions of a matrix. Reads no further than the room, whatever the record says."""
    scalar = _SCALARS.get(kind)
    if kind == 0:
        return None, ()
    if shape == 0 and scalar is not None:
        result: Scalar = scalar.unpack_from(record, at)[0]
        return result, ()
    length, elements = _EXTENT.unpack_from(record, at)
    if length == _NULL_LENGTH:
        return None, ()
    used = bytes(room[:length])
    if shape == 0:
        return _text(used, kind), ()
    dimensions: Tuple[int, ...] = ()
    if shape >= 2:
        head = (4 * shape + 7) // 8 * 8
        if len(used) < head:  # Not even the dimensions had room.
            return [], ()
        dimensions = struct.unpack_from(f"<{shape}I", used)
        used = used[head:]
    return _elements(used, kind, elements), dimensions


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
            continue
        if at + length > len(room):
            break
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
