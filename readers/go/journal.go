package cpcimage

import "math"

const (
	writtenWord        = 48
	reservedWord       = 56
	lastRecordWord     = 64
	marksWord          = 72
	markCount          = 64
	journalHeaderBytes = 1024
	changeKind         = 1
	changeBytes        = 64
)

// Unknown as number of lost changes: some were lost, and nobody knows how many.
const Unknown = math.MaxUint64

// Journal is the ring of changes.
type Journal struct {
	Service                               uint32 // 1 OPC UA, 2 Modbus TCP
	StartedNs                             int64
	m                                     *mapping
	headerBytes, ringBytes, firstPosition uint64
}

// Cursor is where a program is in the journal. One with the JournalPosition of a snapshot goes on behind what the snapshot shows.
type Cursor struct {
	Position uint64
	Sequence uint64 // the number of the next change, if Numbered
	Numbered bool
}

// Change is a record of the journal.
type Change struct {
	Position, Sequence   uint64
	Point, Group         int
	Generation, Status   uint32
	SourceNs, ReceivedNs int64
	PublishedNs          int64 // of the publication that shows the change, also of a status that no answer brought
	Type                 uint8
	Value                Value
}

// OpenJournal opens /dev/shm/NAME, or an absolute path.
func OpenJournal(name string) (*Journal, error) {
	m, err := openMapping(name, journalHeaderBytes, "CPCJOURN", 1)
	if err != nil {
		return nil, err
	}
	j := &Journal{m.u32(20), int64(m.u64(32)), m, uint64(m.u32(16)), m.u64(24), m.u64(40)}
	size := uint64(len(m.bytes))
	aligned := j.headerBytes%8 == 0 && j.ringBytes > 0 && j.ringBytes%4096 == 0
	if !aligned || j.headerBytes < journalHeaderBytes || j.headerBytes > size || j.ringBytes > size-j.headerBytes {
		return nil, corrupt("the ring lies outside of the journal")
	}
	return j, nil
}

// End is behind the last change.
func (j *Journal) End() (Cursor, error) {
	for attempt := 0; attempt < attempts; attempt++ {
		last := j.m.u64(lastRecordWord)
		if last == math.MaxUint64 {
			return Cursor{j.firstPosition, 0, true}, nil
		}
		record := j.record(last)
		if record == nil || record[4] != changeKind {
			// Overwritten meanwhile, or never a record.
			if j.m.u64(lastRecordWord) == last {
				return Cursor{}, corrupt("its last record is none")
			}
			continue
		}
		// The last record may be one that is about to be announced.
		if end := last + uint64(len(record)); end <= j.m.u64(writtenWord) {
			return Cursor{end, u64(record[8:]) + 1, true}, nil
		}
	}
	return Cursor{}, ErrOvertaken
}

// Oldest is at the oldest change that is surely there still.
func (j *Journal) Oldest() (Cursor, error) {
	for attempt := 0; attempt < attempts; attempt++ {
		mark, found := j.markFrom(0)
		if !found {
			break
		}
		if record := j.record(mark); record != nil && record[4] == changeKind {
			return Cursor{mark, u64(record[8:]), true}, nil
		}
	}
	return j.End()
}

// Since reads the next changes, limit at most, and moves the cursor behind them. So many changes were lost before the first of them, or
// Unknown. It goes over to the next journal when the name leads there.
func (j *Journal) Since(cursor *Cursor, limit int) (changes []Change, lost uint64, err error) {
	// Asked first: what the old journal has got by now is all that it will ever have.
	moved, _ := j.m.moved()
	changes, lost, err = j.read(cursor, limit)
	if !moved || len(changes) > 0 || lost > 0 || err != nil || limit <= 0 {
		return changes, lost, err
	}
	next, err := OpenJournal(j.m.path)
	if err != nil {
		return nil, 0, err
	}
	*j, *cursor = *next, Cursor{next.firstPosition, 0, true}
	return j.read(cursor, limit)
}

func (j *Journal) read(cursor *Cursor, limit int) (changes []Change, lost uint64, err error) {
	for overruns := 0; ; {
		written := j.m.u64(writtenWord)
		if len(changes) >= limit || cursor.Position == written {
			return changes, lost, nil
		}
		var record []byte
		if cursor.Position < written {
			record = j.record(cursor.Position)
		}
		if record == nil {
			if len(changes) > 0 {
				return changes, lost, nil // the loss behind them comes with the next call
			}
			if !cursor.Numbered {
				lost = Unknown
			}
			overruns++
			if mark, found := j.markFrom(cursor.Position + 1); found && overruns < attempts {
				cursor.Position = mark
				continue
			}
			end, err := j.End()
			if err != nil {
				return nil, 0, err
			}
			lost = missing(*cursor, end.Sequence, end.Numbered)
			*cursor = end
			return nil, lost, nil
		}
		if record[4] == changeKind {
			change := j.change(cursor.Position, record)
			if cursor.Numbered && change.Sequence != cursor.Sequence {
				if len(changes) > 0 {
					return changes, lost, nil
				}
				lost = missing(*cursor, change.Sequence, true)
			}
			cursor.Sequence, cursor.Numbered = change.Sequence+1, true
			changes = append(changes, change)
		}
		cursor.Position += uint64(len(record))
	}
}

func missing(due Cursor, found uint64, known bool) uint64 {
	if !due.Numbered || !known || found < due.Sequence {
		return Unknown
	}
	return found - due.Sequence
}

// Steps 17 and 18: the whole record at a position, or nil when it was overwritten.
func (j *Journal) record(position uint64) []byte {
	at := position % j.ringBytes
	if position < j.firstPosition || position%8 != 0 {
		return nil
	}
	length := uint64(j.m.u32(j.headerBytes + at))
	if length%8 != 0 || length < 8 || length > j.ringBytes-at {
		return nil
	}
	record := make([]byte, length)
	j.m.copy(record, j.headerBytes+at)
	fence()
	if ahead := j.m.u64(reservedWord) - position; ahead > j.ringBytes || ahead < length || (record[4] == changeKind && length < changeBytes) {
		return nil
	}
	return record
}

// Step 19: the smallest mark from a position on whose record is there still.
func (j *Journal) markFrom(position uint64) (found uint64, any bool) {
	oldest := max(position, j.firstPosition)
	if reserved := j.m.u64(reservedWord); reserved > j.ringBytes {
		oldest = max(oldest, reserved-j.ringBytes)
	}
	written := j.m.u64(writtenWord)
	for index := uint64(0); index < markCount; index++ {
		mark := j.m.u64(marksWord + 8*index)
		isOwn := mark/(j.ringBytes/markCount)%markCount == index
		if isOwn && mark >= oldest && mark < written && (!any || mark < found) {
			found, any = mark, true
		}
	}
	return found, any
}

func (j *Journal) change(position uint64, b []byte) Change {
	return Change{
		Position: position, Sequence: u64(b[8:]), Point: int(u32(b[16:])), Group: int(u32(b[20:])), Generation: u32(b[24:]), Status: u32(b[28:]),
		SourceNs: i64(b[32:]), ReceivedNs: i64(b[40:]), PublishedNs: i64(b[48:]), Type: b[5],
		Value: decode(b[5], b[6], b[56:changeBytes], b[changeBytes:]),
	}
}

// PointOf is the point of a change of the same run of the writer, if its number means the same in this image; otherwise nil.
func (i *Image) PointOf(change Change) *Point {
	meant := i.PointsSince <= change.Generation && change.Generation <= i.Generation
	if !meant || change.Point >= len(i.Points) {
		return nil
	}
	return i.Points[change.Point]
}
