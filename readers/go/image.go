package cpcimage

import (
	"fmt"
	"time"
)

const (
	attempts         = 100
	stateWord        = 96
	publicationsWord = 100
	heartbeatWord    = 120
	countersWord     = 128
	live             = 1
)

// Image is one generation of an image.
type Image struct {
	Directory
	m *mapping
}

// Open opens /dev/shm/NAME, or an absolute path.
func Open(name string) (*Image, error) {
	m, err := openMapping(name, 512, "CPCIMAGE", 2)
	if err != nil {
		return nil, err
	}
	directory, err := readDirectory(m)
	if err != nil {
		return nil, err
	}
	return &Image{directory, m}, nil
}

// Point finds a point by its key; nil when there is none.
func (i *Image) Point(key string) *Point { return i.byKey[key] }

// Snapshot is one whole poll of a group.
type Snapshot struct {
	Group                                            int
	Published                                        uint32
	Connection                                       uint32 // as in ServerState
	Cycle                                            uint64
	RequestedNs, PublishedNs, LastGoodNs, DurationNs int64
	JournalPosition                                  uint64
	image                                            *Image
	bank                                             []byte
}

// Snapshot copies the last poll of a group.
func (i *Image) Snapshot(group int) (*Snapshot, error) { return i.snapshot(group, true) }

func (i *Image) snapshot(group int, check bool) (*Snapshot, error) {
	if group < 0 || group >= len(i.Groups) {
		return nil, ErrElsewhere
	}
	g := i.Groups[group]
	published, b, err := i.copyBank(g.block, g.banks, g.bankBytes, check)
	if err != nil {
		return nil, err
	}
	return &Snapshot{group, published, u32(b), u64(b[8:]), i64(b[16:]), i64(b[24:]), i64(b[32:]), i64(b[40:]), u64(b[48:]), i, b}, nil
}

// Steps 7 to 10.
func (i *Image) copyBank(block, banks, bankBytes uint64, check bool) (uint32, []byte, error) {
	bank := make([]byte, bankBytes)
	for attempt := 0; attempt < attempts; attempt++ {
		published := i.m.u32(block + 4)
		i.m.copy(bank, banks+uint64(published&1)*bankBytes)
		fence()
		if !check || i.m.u32(block)-published <= 1 {
			return published, bank, nil
		}
	}
	return 0, nil, ErrOvertaken
}

// Reading is what a snapshot holds of a point.
type Reading struct {
	Point                *Point
	Value                Value
	Type                 uint8 // built-in type of the value, 0 before the first one
	Status               uint32
	SourceNs, ReceivedNs int64
}

// Reading reads a point of the group of this snapshot.
func (s *Snapshot) Reading(p *Point) (Reading, error) {
	i := s.image
	if p == nil || p.Group != s.Group || p.Index >= len(i.Points) || i.Points[p.Index] != p {
		return Reading{}, ErrElsewhere
	}
	record := s.bank[i.pollBytes+uint64(p.Index-i.Groups[s.Group].FirstPoint)*i.recordBytes:]
	var room []byte
	if p.CapacityBytes > 0 {
		room = s.bank[p.room : p.room+p.CapacityBytes]
	}
	value := decode(record[28], record[29], record[:8], room)
	return Reading{p, value, record[28], u32(record[24:]), i64(record[8:]), i64(record[16:])}, nil
}

// Readings reads all points of the group, in their order.
func (s *Snapshot) Readings() []Reading {
	g := s.image.Groups[s.Group]
	readings := make([]Reading, g.PointCount)
	for number := range readings {
		readings[number], _ = s.Reading(s.image.Points[g.FirstPoint+number])
	}
	return readings
}

// ServerState is the state of a connection: 0 waiting, 1 connecting, 2 connected, 3 lost, 4 stopped. Error is the last failure; it stays
// after a reconnect.
type ServerState struct {
	Connection                                                  uint32
	ChangedNs, ErrorNs, CertificateEndsNs, OwnCertificateEndsNs int64
	RequestLimit                                                uint32
	Error                                                       string
}

// ServerState copies the state of a server.
func (i *Image) ServerState(server int) (ServerState, error) {
	if server < 0 || server >= len(i.Servers) {
		return ServerState{}, ErrElsewhere
	}
	s := i.Servers[server]
	_, b, err := i.copyBank(s.block, s.banks, i.stateBytes, true)
	if err != nil {
		return ServerState{}, err
	}
	message := text(b[48 : 48+min(u32(b[4:]), 448)])
	return ServerState{u32(b), i64(b[8:]), i64(b[16:]), i64(b[24:]), i64(b[32:]), u32(b[40:]), message}, nil
}

func (i *Image) words(at uint64) (words [16]uint64) {
	for index := range words {
		words[index] = i.m.u64(at + 8*uint64(index))
	}
	return words
}

// Counters of the service.
func (i *Image) Counters() [16]uint64 { return i.words(countersWord) }

// ServerCounters: connects, then failures by kind.
func (i *Image) ServerCounters(server int) (words [16]uint64, err error) {
	if server < 0 || server >= len(i.Servers) {
		return words, ErrElsewhere
	}
	return i.words(i.Servers[server].block + countersOffset), nil
}

// GroupCounters: polls, overruns.
func (i *Image) GroupCounters(group int) (words [16]uint64, err error) {
	if group < 0 || group >= len(i.Groups) {
		return words, ErrElsewhere
	}
	return i.words(i.Groups[group].block + countersOffset), nil
}

// Histograms of a group: how long polls took; from source time to response; from response to publication. Element i counts from 2^(i/4) µs.
func (i *Image) Histograms(group int) (all [3][112]uint32, err error) {
	if group < 0 || group >= len(i.Groups) {
		return all, ErrElsewhere
	}
	at := i.Groups[group].block + histogramsOffset
	for which := range all {
		for index := range all[which] {
			all[which][index] = i.m.u32(at + uint64(which)*histogramBytes + 4*uint64(index))
		}
	}
	return all, nil
}

// Publications grows by one with every publication, modulo 2^32.
func (i *Image) Publications() uint32 { return i.m.u32(publicationsWord) }

// Retired tells that this image gets no further values.
func (i *Image) Retired() bool { return i.m.u32(stateWord) != live }

// HeartbeatNs is when the writer was alive last, by its wall clock.
func (i *Image) HeartbeatNs() int64 { return int64(i.m.u64(heartbeatWord)) }

// HasWriter asks the kernel whether a process holds the writer's lock.
func (i *Image) HasWriter() (bool, error) { return i.m.isLocked() }

// Unusable says why a value must not be used: the first reason that holds. It is empty when the value is usable.
type Unusable string

const (
	Usable      Unusable = ""
	WriterDead  Unusable = "the writer is dead"
	Retired     Unusable = "the image is retired, or the reading is one of another image"
	WriterHangs Unusable = "the writer hangs"
	BadStatus   Unusable = "the status says why"
	TooOld      Unusable = "the value is too old"
)

// Usable answers whether a reading may be used. Call it after the snapshot: what the writer did before it died is then known.
func (i *Image) Usable(r Reading, maxAge time.Duration, acceptUncertain bool) Unusable {
	now := time.Now().UnixNano()
	worst := uint32(0)
	if acceptUncertain {
		worst = 1
	}
	limit := max(3*time.Duration(i.IntervalMs)*time.Millisecond, 5*time.Second)
	hasWriter, err := i.HasWriter()
	switch {
	case err != nil || !hasWriter:
		return WriterDead
	case i.Retired() || r.Point == nil || r.Point.Index >= len(i.Points) || i.Points[r.Point.Index] != r.Point:
		return Retired
	case time.Duration(now-i.HeartbeatNs()).Abs() > limit:
		return WriterHangs
	case r.Status>>30 > worst:
		return BadStatus
	case r.ReceivedNs < now-int64(maxAge):
		return TooOld
	}
	return Usable
}

// Reader has the image under a name, whichever generation it is.
type Reader struct {
	// A writer that was killed wakes nobody: after this time asleep the name is checked again. 200 ms from the start.
	LongestSleep      time.Duration
	name              string
	image             *Image
	seen, woken       uint32
	hasSeen, hasWoken bool
}

// NewReader opens nothing yet.
func NewReader(name string) *Reader { return &Reader{LongestSleep: 200 * time.Millisecond, name: name} }

// Image is opened again when the name leads elsewhere. It is an error when the name leads nowhere.
func (r *Reader) Image() (*Image, error) {
	if r.image != nil {
		if moved, err := r.image.m.moved(); err == nil && !moved {
			return r.image, nil
		}
	}
	image, err := Open(r.name)
	*r = Reader{LongestSleep: r.LongestSleep, name: r.name, image: image}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	return image, nil
}

// Wait sleeps until there is news since the last time: a publication, a retirement, another image. It is false when there was none.
func (r *Reader) Wait(timeout time.Duration) bool {
	for end := time.Now().Add(timeout); ; {
		image, err := r.Image()
		if err == nil && (!r.hasSeen || image.Publications() != r.seen) {
			r.seen, r.hasSeen = image.Publications(), true
			return true
		}
		left := min(time.Until(end), r.LongestSleep)
		if left <= 0 {
			return false
		}
		if err != nil {
			time.Sleep(left)
		} else if image.m.sleep(publicationsWord, r.seen, left) {
			if now := image.Publications(); !r.hasWoken || r.woken != now {
				r.woken, r.hasWoken = now, true
				image.m.wake(publicationsWord)
			}
		}
	}
}
