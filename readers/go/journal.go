package cpcimage

import "os"

// Places of words in the header.
const writtenWord, reservedWord, lastRecordWord = 48, 56, 64

const isChange, noRecord = 1, 1<<64 - 1 // a kind of record, where 0 is padding; a value of lastRecord

// Unknown in place of a number of lost changes: some were lost.
const Unknown = 1<<64 - 1

// Journal is the ring of changes.
type Journal struct {
	journalHeader // as it was at the opening
	m             *mapping
}

// Cursor is where a program is in the journal. One with the JournalPosition of a snapshot goes on behind what the snapshot shows.
type Cursor struct {
	Position, Sequence uint64 // Sequence is the number of the next change, if Numbered
	Numbered           bool
}

// Oldest is at the oldest change that is there still. What came before it was lost.
var Oldest = Cursor{Numbered: true}

// Change is a record of the journal. Lost changes before it were lost.
type Change struct {
	changeRecord
	Position, Lost uint64
	Value          Value
}

// OpenJournal opens /dev/shm/NAME, or an absolute path.
func OpenJournal(name string) (opened *Journal, err error) {
	defer returned(&err)
	m := openMapping(name, 1024, "CPCJOURN", 1)
	j := &Journal{view[journalHeader](m.copy(0, 1024)), m}
	check(j.ring >= 1024 && j.ring%8 == 0 && j.ringBytes > 0 && j.ringBytes%4096 == 0, "the ring is not aligned")
	check(int(j.ring) <= len(m.bytes) && j.ringBytes <= uint64(len(m.bytes)-int(j.ring)), "the ring lies outside of the journal")
	return j, nil
}

// End is behind the last change.
func (j *Journal) End() (end Cursor, err error) {
	defer returned(&err)
	for attempt := 0; attempt < attempts; attempt++ {
		last := j.m.u64(lastRecordWord)
		if last == noRecord {
			return Cursor{j.firstPosition, 0, true}, nil
		}
		if change, behind := j.record(last); change != nil && change.kind == isChange {
			return behind, nil
		}
		check(j.m.u64(lastRecordWord) != last, "the last record is none")
	}
	return end, ErrOvertaken
}

// Since reads the next changes, limit at most, and moves the cursor behind them. It goes over to the next journal when the name leads there.
func (j *Journal) Since(cursor *Cursor, limit int) (changes []Change, err error) {
	defer returned(&err)
	// Asked first: what the old journal has got by now is all that it will ever have.
	named := j.m.named()
	for overruns := 0; len(changes) < limit && overruns < attempts && cursor.Position != j.m.u64(writtenWord); {
		change, behind := j.record(cursor.Position)
		switch {
		case change == nil:
			overruns++
			// Unknown is larger than any number: the next change tells that some were lost.
			if cursor.Position = j.aheadOf(cursor.Position); !cursor.Numbered {
				cursor.Sequence, cursor.Numbered = Unknown, true
			}
		case change.kind != isChange:
			cursor.Position = behind.Position
		default:
			if cursor.Numbered && change.Sequence >= cursor.Sequence {
				change.Lost = change.Sequence - cursor.Sequence
			} else if cursor.Numbered {
				change.Lost = Unknown
			}
			*cursor, overruns, changes = behind, 0, append(changes, *change)
		}
	}
	if named != nil && !os.SameFile(named, j.m.state) && limit > 0 && len(changes) == 0 {
		*j, *cursor = *must(OpenJournal(j.m.file.Name())), Oldest
		return j.Since(cursor, limit)
	}
	return changes, nil
}

// Steps 17 and 18: what lies at a position, and what is behind it; nil when it was overwritten.
func (j *Journal) record(position uint64) (*Change, Cursor) {
	at, isPlace := position%j.ringBytes, position >= j.firstPosition && position%8 == 0 && position < j.m.u64(writtenWord)
	length := uint64(j.m.u32(uint64(j.ring) + at))
	if !isPlace || length%8 != 0 || length < 8 || length > j.ringBytes-at {
		return nil, Cursor{}
	}
	bytes := append(j.m.copy(uint64(j.ring)+at, length), make([]byte, 64)...)
	ahead := j.m.u64(reservedWord) - position
	c := &Change{changeRecord: view[changeRecord](bytes), Position: position}
	if ahead > j.ringBytes || ahead < length || c.kind == isChange && length < 64 {
		return nil, Cursor{}
	}
	c.Value = decode(c.Type, c.shape, c.value, bytes[64:max(length, 64)])
	return c, Cursor{position + length, c.Sequence + 1, true}
}

// Step 19: the smallest mark behind a position whose record is there still; without one, the end.
func (j *Journal) aheadOf(position uint64) uint64 {
	now := view[journalHeader](j.m.copy(0, 1024))
	found, oldest := now.written, max(position+1, j.firstPosition, max(now.reserved, j.ringBytes)-j.ringBytes)
	for index, mark := range now.marks {
		if mark/(j.ringBytes/64)%64 == uint64(index) && mark >= oldest && mark < found {
			found = mark
		}
	}
	return found
}
