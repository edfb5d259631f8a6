package cpcimage

import (
	"encoding/binary"
	"math"
	"strings"
)

// A Value is nil (null, no value, or a type that this reader does not know), bool, int64 (SByte, Int16, Int32, Int64; DateTime in steps of
// 100 ns since 1601-01-01 UTC), uint64 (Byte, UInt16, UInt32, UInt64, StatusCode), float32, float64, string (String, XmlElement, Guid; the
// JSON of a nested type), []byte, []Value, or Matrix.
type Value any

// Matrix has its elements row by row. A cut one has fewer than its dimensions say.
type Matrix struct {
	Dimensions []uint32
	Elements   []Value
}

const (
	null       = math.MaxUint32
	byteString = 15
)

// Bytes of one element by built-in type; 0 for a type of varying size.
var elementBytes = [...]int{0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0}

// slot is the field "value" of the record, room all that may be read of the point's room.
func decode(kind, shape byte, slot, room []byte) Value {
	if kind == 0 || int(kind) >= len(elementBytes) {
		return nil
	}
	if size := elementBytes[kind]; shape == 0 && size > 0 {
		return fixed(kind, slot[:size])
	}
	length, count := u32(slot), uint64(u32(slot[4:]))
	if length == null {
		return nil
	}
	bytes := room[:min(uint64(length), uint64(len(room)))]
	switch shape {
	case 0:
		return varying(kind, bytes)
	case 1:
		return elements(kind, bytes, count)
	}
	return matrix(kind, bytes, count, int(shape))
}

func fixed(kind byte, bytes []byte) Value {
	var wide [8]byte
	copy(wide[:], bytes)
	bits := u64(wide[:])
	switch unused := 64 - 8*len(bytes); kind {
	case 1:
		return bits != 0
	case 2, 4, 6, 8, 13:
		return int64(bits<<unused) >> unused
	case 10:
		return math.Float32frombits(uint32(bits))
	case 11:
		return math.Float64frombits(bits)
	}
	return bits
}

func varying(kind byte, bytes []byte) Value {
	if kind == byteString {
		return append([]byte{}, bytes...)
	}
	return text(bytes)
}

// As many as there are, count at most.
func elements(kind byte, bytes []byte, count uint64) []Value {
	values := []Value{}
	for size := elementBytes[kind]; size > 0; bytes = bytes[size:] {
		if uint64(len(values)) == count || len(bytes) < size {
			return values
		}
		values = append(values, fixed(kind, bytes[:size]))
	}
	for uint64(len(values)) < count && len(bytes) >= 4 {
		length := uint64(u32(bytes))
		bytes = bytes[4:]
		if length == null {
			values = append(values, nil)
			continue
		}
		if length > uint64(len(bytes)) {
			break
		}
		values = append(values, varying(kind, bytes[:length]))
		bytes = bytes[min((length+3)&^3, uint64(len(bytes))):]
	}
	return values
}

func matrix(kind byte, bytes []byte, count uint64, rank int) Value {
	behind := (4*rank + 7) &^ 7
	if len(bytes) < behind {
		return []Value{}
	}
	dimensions := make([]uint32, rank)
	product := uint64(1)
	for index := range dimensions {
		dimensions[index] = u32(bytes[4*index:])
		if product *= uint64(dimensions[index]); product > uint64(len(bytes)) {
			product = uint64(len(bytes)) // an element has a byte at least
		}
	}
	return Matrix{dimensions, elements(kind, bytes[behind:], min(count, product))}
}

func text(bytes []byte) string { return strings.ToValidUTF8(string(bytes), "\ufffd") }
func u32(bytes []byte) uint32  { return binary.LittleEndian.Uint32(bytes) }
func u64(bytes []byte) uint64  { return binary.LittleEndian.Uint64(bytes) }
func i64(bytes []byte) int64   { return int64(u64(bytes)) }
