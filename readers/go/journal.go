package cpcimage

import "math"

const (
	writtenWord    = 48
	reservedWord   = 56
	lastRecordWord = 64
	marksWord      = 72
	markCount      = 64
)

// Unknown in place of a number of lost changes: some were lost.
const Unknown = math.MaxUint64

// Journal is the ring of changes.
type Journal struct {
	Service                        uint32 // 1 OPC UA, 2 Modbus TCP
	StartedNs                      int64
	m                              *mapping
	ring, ringBytes, firstPosition uint64
}

// Cursor is where a program is in the journal. One with the JournalPosition of a snapshot goes on behind what the snapshot shows.
type Cursor struct {
	Position uint64
	Sequence uint64 // the number of the next change, if Numbered
	Numbered bool
}

// Change is a record of the journal. Lost changes before it were lost.
type Change struct {
	changeRecord
	Position, Lost uint64
	Value          Value
}

// OpenJournal opens /dev/shm/NAME, or an absolute path.
func OpenJournal(name string) (*Journal, error) {
	m, err := openMapping(name, 1024, "CPCJOURN", 1)
	if err != nil {
		return nil, err
	}
	j := &Journal{m.u32(20), int64(m.u64(32)), m, uint64(m.u32(16)), m.u64(24), m.u64(40)}
	aligned := j.ring >= 1024 && j.ring%8 == 0 && j.ringBytes > 0 && j.ringBytes%4096 == 0
	inside := j.ring <= uint64(len(m.bytes)) && j.ringBytes <= uint64(len(m.bytes))-j.ring
	return j, require(aligned && inside, "the ring lies outside of the journal")
}

// End is behind the last change.
func (j *Journal) End() (Cursor, error) {
	for attempt := 0; attempt < attempts; attempt++ {
		last := j.m.u64(lastRecordWord)
		if last == math.MaxUint64 {
			return Cursor{j.firstPosition, 0, true}, nil
		}
		change, behind := j.record(last)
		if change == nil {
			// Overwritten meanwhile, or never a record.
			if err := require(j.m.u64(lastRecordWord) != last, "the last record is none"); err != nil {
				return Cursor{}, err
			}
		} else if behind <= j.m.u64(writtenWord) { // otherwise it is about to be announced
			return Cursor{behind, change.Sequence + 1, true}, nil
		}
	}
	return Cursor{}, ErrOvertaken
}

// Oldest is at the oldest change that is there still.
func (j *Journal) Oldest() (Cursor, error) {
	change, err := j.next(&Cursor{Position: j.firstPosition})
	if err != nil {
		return Cursor{}, err
	}
	if change == nil {
		return j.End()
	}
	return Cursor{change.Position, change.Sequence, true}, nil
}

// Since reads the next changes, limit at most, and moves the cursor behind them. It goes over to the next journal when the name leads there.
func (j *Journal) Since(cursor *Cursor, limit int) (changes []Change, err error) {
	// Asked first: what the old journal has got by now is all that it will ever have.
	moved, _ := j.m.moved()
	for len(changes) < limit {
		change, err := j.next(cursor)
		if err != nil && len(changes) == 0 {
			return nil, err
		}
		if err != nil || change == nil {
			break
		}
		changes = append(changes, *change)
	}
	if !moved || limit <= 0 || len(changes) > 0 {
		return changes, nil
	}
	next, err := OpenJournal(j.m.path)
	if err != nil {
		return nil, err
	}
	*j, *cursor = *next, Cursor{next.firstPosition, 0, true}
	return j.Since(cursor, limit)
}

// The next change; nil when there is none yet.
func (j *Journal) next(cursor *Cursor) (*Change, error) {
	for overruns := 0; overruns < attempts; {
		written := j.m.u64(writtenWord)
		if cursor.Position == written {
			return nil, nil
		}
		var change *Change
		var behind uint64
		if cursor.Position < written {
			change, behind = j.record(cursor.Position)
		}
		switch {
		case change != nil:
			if cursor.Numbered && change.Sequence >= cursor.Sequence {
				change.Lost = change.Sequence - cursor.Sequence
			} else if cursor.Numbered {
				change.Lost = Unknown
			}
			*cursor = Cursor{behind, change.Sequence + 1, true}
			return change, nil
		case behind != 0:
			cursor.Position = behind
		default:
			overruns++
			// A number that is larger than any: so many were lost that nobody knows.
			if !cursor.Numbered {
				cursor.Sequence, cursor.Numbered = Unknown, true
			}
			position := j.aheadOf(cursor.Position)
			if position == 0 || overruns == attempts {
				end, err := j.End()
				if err != nil {
					return nil, err
				}
				position = end.Position // the next change tells the loss
			}
			cursor.Position = position
		}
	}
	return nil, nil
}

// Steps 17 and 18: the change at a position, if it is one, and what is behind it; 0 when it was overwritten.
func (j *Journal) record(position uint64) (*Change, uint64) {
	at := position % j.ringBytes
	if position < j.firstPosition || position%8 != 0 {
		return nil, 0
	}
	length := uint64(j.m.u32(j.ring + at))
	if length%8 != 0 || length < 8 || length > j.ringBytes-at {
		return nil, 0
	}
	words := j.m.copy(j.ring+at, length)
	fence()
	kind := uint8(words[0] >> 32)
	if ahead := j.m.u64(reservedWord) - position; ahead > j.ringBytes || ahead < length || (kind == 1 && length < 64) {
		return nil, 0
	}
	if kind != 1 {
		return nil, position + length
	}
	c := &Change{*view[changeRecord](words, 0), position, 0, nil}
	c.Value = decode(c.Type, c.shape, c.value, bytesOf(words[8:]))
	return c, position + length
}

// Step 19: the smallest mark behind a position whose record is there still; without one, the last record; 0 when there is none either.
func (j *Journal) aheadOf(position uint64) (found uint64) {
	oldest, written := max(position+1, j.firstPosition), j.m.u64(writtenWord)
	if reserved := j.m.u64(reservedWord); reserved > j.ringBytes {
		oldest = max(oldest, reserved-j.ringBytes)
	}
	for index := uint64(0); index <= markCount; index++ {
		mark := j.m.u64(lastRecordWord)
		isOwn := true
		if index < markCount {
			mark = j.m.u64(marksWord + 8*index)
			isOwn = mark/(j.ringBytes/markCount)%markCount == index
		}
		if isOwn && mark >= oldest && mark < written && (found == 0 || mark < found) {
			found = mark
		}
	}
	return found
}
