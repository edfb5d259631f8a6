package cpcimage

import "time"

const publicationsWord = 100

// Image is one generation of an image: its directory, which never changes, and the way to what does.
type Image struct {
	Servers []*Server
	Groups  []*Group
	Points  []*Point
	byKey   map[string]*Point
	sizes   [7]uint64
	m       *mapping
}

// Open opens /dev/shm/NAME, or an absolute path.
func Open(name string) (*Image, error) {
	m, err := openMapping(name, 512, "CPCIMAGE", 2)
	if err != nil {
		return nil, err
	}
	i := &Image{m: m, byKey: map[string]*Point{}}
	if err := i.readDirectory(); err != nil {
		return nil, err
	}
	return i, nil
}

// Header as it is now: counters, state, heartbeat.
func (i *Image) Header() *Header { return view[Header](i.m.copy(0, headerBytes), 0) }

// HasWriter asks the kernel whether a process holds the writer's lock.
func (i *Image) HasWriter() bool { return i.m.isLocked() }

// Point finds a point by its key; nil when there is none.
func (i *Image) Point(key string) *Point { return i.byKey[key] }

// PointOf is the point of a change of the same run of the writer, if its number means the same in this image; otherwise nil.
func (i *Image) PointOf(c Change) *Point {
	h := i.Header()
	if c.Generation < h.PointsSince || c.Generation > h.Generation || int(c.Point) >= len(i.Points) {
		return nil
	}
	return i.Points[c.Point]
}

// Groups of the server.
func (s *Server) Groups() []*Group { return s.image.Groups[s.FirstGroup : s.FirstGroup+s.GroupCount] }

// State copies the state of the connection.
func (s *Server) State() (*ServerState, error) {
	_, bank, err := s.image.copyBank(s.block, s.banks, s.image.sizes[4], true)
	if err != nil {
		return nil, err
	}
	state := view[stateEntry](bank, 0)
	counters := view[[16]uint64](s.image.m.copy(uint64(s.block)+countersOffset, 16*8), 0)
	return &ServerState{*state, text(state.error[:min(state.errorBytes, 448)]), *counters}, nil
}

// Statistics copies the counters and histograms.
func (g *Group) Statistics() *Statistics {
	return view[Statistics](g.image.m.copy(uint64(g.block)+countersOffset, groupBlockBytes-countersOffset), 0)
}

// Snapshot is one whole poll of a group.
type Snapshot struct {
	Poll
	Published uint32
	Group     *Group
	bank      []uint64
}

// Snapshot copies the last poll.
func (g *Group) Snapshot() (*Snapshot, error) { return g.snapshot(true) }

func (g *Group) snapshot(check bool) (*Snapshot, error) {
	published, bank, err := g.image.copyBank(g.block, g.banks, uint64(g.bankBytes), check)
	if err != nil {
		return nil, err
	}
	return &Snapshot{*view[Poll](bank, 0), published, g, bank}, nil
}

// Steps 7 to 10.
func (i *Image) copyBank(block, banks uint32, bankBytes uint64, check bool) (uint32, []uint64, error) {
	for attempt := 0; attempt < attempts; attempt++ {
		published := i.m.u32(uint64(block) + 4)
		bank := i.m.copy(uint64(banks)+uint64(published&1)*bankBytes, bankBytes)
		fence()
		if !check || i.m.u32(uint64(block))-published <= 1 {
			return published, bank, nil
		}
	}
	return 0, nil, ErrOvertaken
}

// Reading is what a snapshot holds of a point.
type Reading struct {
	record
	Point *Point
	Value Value
	image *Image
}

// Reading reads a point of the group of this snapshot.
func (s *Snapshot) Reading(p *Point) (r Reading, err error) {
	i := s.Group.image
	if p == nil || int(p.Index) >= len(i.Points) || i.Points[p.Index] != p || i.Groups[p.Group] != s.Group {
		return r, ErrElsewhere
	}
	r = Reading{*view[record](s.bank, i.sizes[5]+uint64(p.Index-s.Group.FirstPoint)*i.sizes[6]), p, nil, i}
	var room []byte
	if p.CapacityBytes > 0 {
		room = bytesOf(s.bank)[p.room : p.room+p.CapacityBytes]
	}
	r.Value = decode(r.Type, r.shape, r.value, room)
	return r, nil
}

// Readings reads all points of the group, in their order.
func (s *Snapshot) Readings() []Reading {
	readings := make([]Reading, s.Group.PointCount)
	for number := range readings {
		readings[number], _ = s.Reading(s.Group.image.Points[int(s.Group.FirstPoint)+number])
	}
	return readings
}

// Unusable says why a value must not be used: the first reason that holds. It is empty when the value is usable.
type Unusable string

const (
	Usable      Unusable = ""
	WriterDead  Unusable = "the writer is dead"
	Retired     Unusable = "the image is retired"
	WriterHangs Unusable = "the writer hangs"
	BadStatus   Unusable = "the status says why"
	TooOld      Unusable = "the value is too old"
)

// Usable answers whether the value may be used. It asks after the snapshot: what the writer did before it died is then known.
func (r Reading) Usable(maxAge time.Duration, acceptUncertain bool) Unusable {
	hasWriter, h, now := r.image.HasWriter(), r.image.Header(), time.Now()
	worst := map[bool]uint32{false: 0, true: 1}[acceptUncertain]
	longest := max(3*time.Duration(h.IntervalMs)*time.Millisecond, 5*time.Second)
	switch {
	case !hasWriter:
		return WriterDead
	case h.State != 1:
		return Retired
	case now.Sub(time.Unix(0, h.HeartbeatNs)).Abs() > longest:
		return WriterHangs
	case r.Status>>30 > worst:
		return BadStatus
	case now.Sub(time.Unix(0, r.ReceivedNs)).Abs() > maxAge:
		return TooOld
	}
	return Usable
}

// Reader has the image under a name, whichever generation it is.
type Reader struct {
	LongestSleep time.Duration // a writer that was killed wakes nobody: then the name is checked again. 200 ms from the start
	name         string
	image        *Image
	seen         uint32
	hasSeen      bool
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
	var err error
	r.image, err = Open(r.name)
	r.hasSeen = false
	return r.image, err
}

// Wait sleeps until there is news since the last time: a publication, a retirement, another image. It is false when there was none.
func (r *Reader) Wait(timeout time.Duration) bool {
	for end := time.Now().Add(timeout); ; {
		image, err := r.Image()
		if err == nil {
			if now := image.m.u32(publicationsWord); !r.hasSeen || now != r.seen {
				r.seen, r.hasSeen = now, true
				return true
			}
		}
		left := min(time.Until(end), r.LongestSleep)
		switch {
		case left <= 0:
			return false
		case err != nil:
			time.Sleep(left)
		default:
			image.m.sleep(publicationsWord, r.seen, left)
		}
	}
}
