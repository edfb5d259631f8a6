package cpcimage

import (
	"strings"
	"unsafe"
)

// The tables of docs/process-image.md as they lie in memory. What has no capital is for this package alone.

// Text is where a text of an image's tables lies: Image.Text gives it.
type Text struct{ offset, length uint32 }

// Header of an image, as it was when it was asked for.
type Header struct {
	head                                                          [2]uint64
	sizes                                                         [7]uint32 // header, entries of servers, groups, points, state, poll header, record
	Service                                                       uint32    // 1 OPC UA, 2 Modbus TCP
	imageBytes                                                    uint64
	tables                                                        [4]struct{ offset, count uint32 } // servers, groups, points, texts
	Generation, PointsSince, State, Publications, Pid, IntervalMs uint32
	StartedNs, HeartbeatNs                                        int64
	Counters                                                      [16]uint64
	Ticks, Services                                               uint32 // services of the partition: bit Service-1 for each; 0: the writer does not tell
}

// Server is an entry of the server table.
type Server struct {
	Alias, ConnectionKey, ConnectionDescription    Text
	FirstGroup, GroupCount, block, banks, Security uint32
}

// Group is an entry of the group table. The name is empty for the only group of a server.
type Group struct {
	Name                                                                             Text
	Server, FirstPoint, PointCount, block, banks, bankBytes, IntervalMs, Acquisition uint32
}

// Point is an entry of the point table of one image. Look it up again in the next one.
type Point struct {
	Key, Description, Unit, Source                      Text
	Type, Group, CapacityBytes, room, ServerPosition, _ uint32
	Enumeration                                         Text // the texts of its values, a line for each: "0=Stopped"
}

// ServerState has the counters in the order of the page. Connection is 0 waiting, 1 connecting, 2 connected, 3 lost, 4 stopped.
type ServerState struct {
	Counters                                                    [16]uint64
	Connection, errorBytes                                      uint32
	ChangedNs, ErrorNs, CertificateEndsNs, OwnCertificateEndsNs int64
	RequestLimit, _                                             uint32
	error                                                       [448]byte
}

// ErrorText is the last failure. It stays after a reconnect.
func (s *ServerState) ErrorText() string { return text(s.error[:min(s.errorBytes, 448)]) }

// Statistics of a group. Histograms: how long polls took; from source time to response; from response to publication.
type Statistics struct {
	Counters   [16]uint64
	Histograms [3][112]uint32 // element i counts from 2^(i/4) µs
}

// Poll is the head of a group's poll.
type Poll struct {
	Connection                                       uint32 // as in ServerState
	Cycle                                            uint64
	RequestedNs, PublishedNs, LastGoodNs, DurationNs int64
	JournalPosition                                  uint64
}

type record struct {
	value                [8]byte
	SourceNs, ReceivedNs int64
	Status               uint32
	Type, shape          uint8 // built-in type of the value, 0 before the first one
}

type journalHeader struct {
	magic                                        uint64
	version, byteOrder, ring, Service            uint32
	ringBytes                                    uint64
	StartedNs                                    int64
	firstPosition, written, reserved, lastRecord uint64
	marks                                        [64]uint64
}

type changeRecord struct {
	bytes                             uint32
	kind, Type, shape                 uint8
	Sequence                          uint64
	Point, Group, Generation, Status  uint32
	SourceNs, ReceivedNs, PublishedNs int64 // PublishedNs is that of the publication that shows the change
	value                             [8]byte
}

// view gives the table, or the number, that lies in bytes. What they do not hold of it is 0.
func view[T any](bytes []byte) (row T) {
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&row)), unsafe.Sizeof(row)), bytes)
	return row
}

func text(bytes []byte) string { return strings.ToValidUTF8(string(bytes), "\ufffd") }

// A Value is nil (null, no value, or a type that this reader does not know), bool, int64 (signed integers; a DateTime in steps of 100 ns since
// 1601-01-01 UTC), uint64 (unsigned ones, StatusCode), float32, float64, string (also a Guid, and the JSON of a nested type), []byte, []Value, or
// Matrix.
type Value any

// Matrix has its elements row by row. A cut one has fewer than its dimensions say.
type Matrix struct {
	Dimensions []uint32
	Elements   []Value
}

const null = 1<<32 - 1

// Bytes of one element by built-in type; 0 for a type of varying size.
var elementBytes = [256]int{1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 19: 4}

// slot is the field "value" of the record, room all that may be read of the point's room.
func decode(kind, shape uint8, slot [8]byte, room []byte) Value {
	size, length, count := elementBytes[kind], view[uint32](slot[:]), uint64(view[uint32](slot[4:]))
	bytes := room[:min(int(length), len(room))]
	switch {
	case kind == 0 || kind > 25 || length == null && (shape > 0 || size == 0):
		return nil
	case shape == 0 && size > 0:
		return scalar(kind, slot[:size])
	case shape == 0:
		return scalar(kind, bytes)
	case shape == 1:
		return elements(kind, bytes, count)
	}
	dimensions, product, behind := make([]uint32, shape), uint64(1), (4*int(shape)+7)&^7
	if len(bytes) < behind {
		return []Value{}
	}
	for index := range dimensions {
		dimensions[index] = view[uint32](bytes[4*index:])
		product = min(product*uint64(dimensions[index]), null) // more than any room has
	}
	return Matrix{dimensions, elements(kind, bytes[behind:], min(count, product))}
}

func scalar(kind uint8, bytes []byte) Value {
	bits, unused := view[uint64](bytes), 64-8*elementBytes[kind]
	switch kind {
	case 1:
		return bits != 0
	case 2, 4, 6, 8, 13:
		return int64(bits<<unused) >> unused
	case 3, 5, 7, 9, 19:
		return bits
	case 10:
		return view[float32](bytes)
	case 11:
		return view[float64](bytes)
	case 15:
		return append([]byte{}, bytes...)
	}
	return text(bytes)
}

// As many as there are, count at most.
func elements(kind uint8, bytes []byte, count uint64) []Value {
	values, size := []Value{}, elementBytes[kind]
	for ; size > 0 && uint64(len(values)) < count && len(bytes) >= size; bytes = bytes[size:] {
		values = append(values, scalar(kind, bytes[:size]))
	}
	for size == 0 && uint64(len(values)) < count && len(bytes) >= 4 {
		switch length := int(view[uint32](bytes)); {
		case length == null:
			values, bytes = append(values, nil), bytes[4:]
		case length > len(bytes)-4:
			return values
		default:
			values = append(values, scalar(kind, bytes[4:4+length]))
			bytes = bytes[min(4+(length+3)&^3, len(bytes)):]
		}
	}
	return values
}
