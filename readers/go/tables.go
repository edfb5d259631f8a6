package cpcimage

import (
	"strings"
	"unsafe"
)

// The tables of docs/process-image.md: each struct lies in copied words as it is, behind the texts that an entry begins with.

// Header of an image, as it was when it was asked for.
type Header struct {
	magic                                                         uint64
	version, byteOrder                                            uint32
	sizes                                                         [7]uint32 // header, entries of servers, groups, points, state, poll header, record
	Service                                                       uint32    // 1 OPC UA, 2 Modbus TCP
	imageBytes                                                    uint64
	tables                                                        [4]struct{ offset, count uint32 } // servers, groups, points, texts
	Generation, PointsSince, State, Publications, Pid, IntervalMs uint32
	StartedNs, HeartbeatNs                                        int64
	Counters                                                      [16]uint64
	Ticks, _                                                      uint32
}

// Server is an entry of the server table.
type Server struct {
	Alias, ConnectionKey, ConnectionDescription string
	serverEntry
	image *Image
}
type serverEntry struct{ FirstGroup, GroupCount, block, banks, Security uint32 }

// Group is an entry of the group table. The name is empty for the only group of a server.
type Group struct {
	Name string
	groupEntry
	image *Image
}
type groupEntry struct {
	Server, FirstPoint, PointCount, block, banks, bankBytes, IntervalMs, Acquisition uint32
}

// Point is an entry of the point table of one image. Look it up again in the next one.
type Point struct {
	Key, Description, Unit, Source string
	Enumeration                    string // the texts of its values, a line for each: "0=Stopped"
	pointEntry
	ServerPosition, Index uint32 // among the points of its server, in the order of the configuration; among all points of the image
}
type pointEntry struct{ Type, Group, CapacityBytes, room uint32 }

// Poll is the head of a group's poll.
type Poll struct {
	Connection, _                                    uint32 // as in ServerState
	Cycle                                            uint64
	RequestedNs, PublishedNs, LastGoodNs, DurationNs int64
	JournalPosition                                  uint64
}

type record struct {
	value                uint64
	SourceNs, ReceivedNs int64
	Status               uint32
	Type, shape          uint8 // built-in type of the value, 0 before the first one
}

// ServerState has the counters in the order of the page. Connection is 0 waiting, 1 connecting, 2 connected, 3 lost, 4 stopped; Error is the
// last failure, which stays after a reconnect.
type ServerState struct {
	stateEntry
	Error    string
	Counters [16]uint64
}
type stateEntry struct {
	Connection, errorBytes                                      uint32
	ChangedNs, ErrorNs, CertificateEndsNs, OwnCertificateEndsNs int64
	RequestLimit, _                                             uint32
	error                                                       [448]byte
}

// Statistics of a group. Histograms: how long polls took; from source time to response; from response to publication.
type Statistics struct {
	Counters   [16]uint64
	Histograms [3][112]uint32 // element i counts from 2^(i/4) µs
}

type changeRecord struct {
	lengthBytes                       uint32
	kind, Type, shape, _              uint8
	Sequence                          uint64
	Point, Group, Generation, Status  uint32
	SourceNs, ReceivedNs, PublishedNs int64 // PublishedNs is that of the publication that shows the change
	value                             uint64
}

// view gives the struct that lies at a place of copied words.
func view[T any](words []uint64, at uint64) *T {
	var size = uint64(unsafe.Sizeof(*new(T)))
	return (*T)(unsafe.Pointer(&bytesOf(words)[at : at+size][0]))
}

func bytesOf(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}

func text(bytes []byte) string { return strings.ToValidUTF8(string(bytes), "\ufffd") }
