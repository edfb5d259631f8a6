package cpcimage

import (
	"encoding/binary"
	"math"
)

// A Value is nil (null, no value, or a type that this reader does not know), bool, int64 (signed integers; a DateTime in steps of 100 ns since
// 1601-01-01 UTC), uint64 (unsigned ones, StatusCode), float32, float64, string (also a Guid, and the JSON of a nested type), []byte, []Value, or
// Matrix.
type Value any

// Matrix has its elements row by row. A cut one has fewer than its dimensions say.
type Matrix struct {
	Dimensions []uint32
	Elements   []Value
}

const null = math.MaxUint32

// Bytes of one element by built-in type; 0 for a type of varying size.
var elementBytes = [...]uint64{0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0}

// slot is the field "value" of the record, room all that may be read of the point's room.
func decode(kind, shape uint8, slot uint64, room []byte) Value {
	if kind == 0 || int(kind) >= len(elementBytes) {
		return nil
	}
	size, length, count := elementBytes[kind], slot&null, slot>>32
	bytes := room[:min(length, uint64(len(room)))]
	switch {
	case shape == 0 && size > 0:
		return number(kind, slot, size)
	case length == null:
		return nil
	case shape == 0:
		return varying(kind, bytes)
	case shape == 1:
		return elements(kind, bytes, count)
	}
	behind := (4*int(shape) + 7) &^ 7
	if len(bytes) < behind {
		return []Value{}
	}
	dimensions, product := make([]uint32, shape), uint64(1)
	for index := range dimensions {
		dimensions[index] = binary.LittleEndian.Uint32(bytes[4*index:])
		product = min(product*uint64(dimensions[index]), null) // more than any room has
	}
	return Matrix{dimensions, elements(kind, bytes[behind:], min(count, product))}
}

// Of a number's bits those count that its size has.
func number(kind uint8, bits, size uint64) Value {
	unused := 64 - 8*size
	bits = bits << unused >> unused
	switch kind {
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

func varying(kind uint8, bytes []byte) Value {
	if kind == 15 {
		return append([]byte{}, bytes...)
	}
	return text(bytes)
}

// As many as there are, count at most.
func elements(kind uint8, bytes []byte, count uint64) []Value {
	values := []Value{}
	for size := elementBytes[kind]; size > 0 && uint64(len(values)) < count && uint64(len(bytes)) >= size; bytes = bytes[size:] {
		var bits [8]byte
		copy(bits[:], bytes[:size])
		values = append(values, number(kind, binary.LittleEndian.Uint64(bits[:]), size))
	}
	for elementBytes[kind] == 0 && uint64(len(values)) < count && len(bytes) >= 4 {
		length := uint64(binary.LittleEndian.Uint32(bytes))
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
