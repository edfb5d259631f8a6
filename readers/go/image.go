package cpcimage

import (
	"os"
	"slices"
	"time"
)

const publicationsWord, countersOffset = 100, 64 // in the header, in a block
const serverBlockBytes, groupBlockBytes = countersOffset + 16*8, countersOffset + 16*8 + 3*112*4

// Why a value is not usable, in the words and the order of the page. The last one: it is.
var reasons = [...]string{"the writer is dead", "the image is retired", "the writer hangs",
	"the status is bad", "the status is uncertain", "the value is too old", ""}

// Image is one generation of an image: its directory, which never changes, and the way to what does.
type Image struct {
	Servers []Server
	Groups  []Group
	Points  []Point
	sizes   [7]uint32
	m       *mapping
}

// Open opens /dev/shm/NAME, or an absolute path, and checks what never changes in it.
func Open(name string) (opened *Image, err error) {
	defer returned(&err)
	m := openMapping(name, 512, "CPCIMAGE", 2)
	h := view[Header](m.copy(0, 512))
	least := [...]uint32{264, 48, 40, 48 + 8*min(m.u32(8)&0xffff, 2), 496, 56, 32} // by the minor version
	for index, size := range h.sizes {
		check(size >= least[index] && size%8 == 0, "a size is too small")
	}
	check(h.imageBytes <= uint64(len(m.bytes)), "the image ends outside of its file")
	i := &Image{rows[Server](m, h, 1, least), rows[Group](m, h, 2, least), rows[Point](m, h, 3, least), h.sizes, m}
	texts, enumerations := []Text{}, map[Text]bool{}
	checkBlock := func(block, bytes, banks, bankBytes int) {
		isAligned := block%64 == 0 && banks%8 == 0 && bankBytes%8 == 0
		check(isAligned && block+bytes <= banks && banks+2*bankBytes <= int(h.imageBytes), "a block lies outside of the image")
	}
	group, point := 0, 0
	for server, s := range i.Servers {
		texts = append(texts, s.Alias, s.ConnectionKey, s.ConnectionDescription)
		checkBlock(int(s.block), serverBlockBytes, int(s.banks), int(h.sizes[4]))
		groups, first := group+int(s.GroupCount), point
		check(int(s.FirstGroup) == group && groups <= len(i.Groups), "the groups do not follow one another")
		for ; group < groups; group++ {
			g := i.Groups[group]
			texts = append(texts, g.Name)
			checkBlock(int(g.block), groupBlockBytes, int(g.banks), int(g.bankBytes))
			points, end := point+int(g.PointCount), int(h.sizes[5])+int(g.PointCount)*int(h.sizes[6])
			isNext := int(g.Server) == server && int(g.FirstPoint) == point && points <= len(i.Points)
			check(isNext && end <= int(g.bankBytes), "the points do not follow one another, or have no records")
			for rooms := 0; point < points; point++ {
				p := &i.Points[point]
				if texts = append(texts, p.Key, p.Description, p.Unit, p.Source); !enumerations[p.Enumeration] {
					texts = append(texts, p.Enumeration) // points share them
				}
				enumerations[p.Enumeration] = true
				rooms += int(p.CapacityBytes)
				end := max(rooms, int(p.room)+int(p.CapacityBytes))
				check(int(p.Group) == group && end <= int(g.bankBytes), "a point is not of its group, or has no room there")
				if least[3] == 48 { // version 2.0
					p.ServerPosition = uint32(point - first)
				}
			}
		}
	}
	check(group == len(i.Groups) && point == len(i.Points), "a group or a point has no owner")
	// Neither rooms nor texts overlap: all together are no longer than what they lie in.
	textBytes, table := uint64(0), h.tables[3]
	for _, t := range texts {
		textBytes += uint64(t.length)
		end, tableEnd := uint64(t.offset)+uint64(t.length), uint64(table.offset)+uint64(table.count)
		isInside := t.offset >= table.offset && end <= min(tableEnd, h.imageBytes) && textBytes <= uint64(table.count)
		check(isInside || t == Text{}, "a text lies outside of the texts")
	}
	return i, nil
}

// What an entry has behind the bytes of its version is 0.
func rows[T any](m *mapping, h Header, number int, least [7]uint32) []T {
	table, step := h.tables[number-1], uint64(h.sizes[number])
	check(uint64(table.offset)+uint64(table.count)*step <= h.imageBytes, "a table lies outside of the image")
	all := make([]T, table.count)
	for index := range all {
		all[index] = view[T](m.bytes[uint64(table.offset)+uint64(index)*step:][:least[number]])
	}
	return all
}

// Text of this image's tables.
func (i *Image) Text(t Text) string { return text(i.m.copy(uint64(t.offset), uint64(t.length))) }

// Header as it is now: counters, state, heartbeat.
func (i *Image) Header() (h Header) {
	if h = view[Header](i.m.copy(0, 512)); h.head[1]&0xffff < 3 {
		h.Services = 0
	}
	return h
}

// Find gives the number of a point, which it keeps as long as the image is the same; -1 when there is none.
func (i *Image) Find(key string) int {
	return slices.IndexFunc(i.Points, func(p Point) bool { return i.Text(p.Key) == key })
}

// PointOf is the point of a change of the same run of the writer, if its number means the same in this image; otherwise nil.
func (i *Image) PointOf(c Change) *Point {
	if h := i.Header(); c.Generation >= h.PointsSince && c.Generation <= h.Generation && int(c.Point) < len(i.Points) {
		return &i.Points[c.Point]
	}
	return nil
}

// ServerState copies the state of a server's connection, and its counters.
func (i *Image) ServerState(server int) (ServerState, error) {
	s := i.Servers[server]
	_, bank, err := i.copyBank(s.block, s.banks, i.sizes[4])
	return view[ServerState](append(i.m.copy(uint64(s.block)+countersOffset, 16*8), bank...)), err
}

// Statistics copies the counters and histograms of a group.
func (i *Image) Statistics(group int) Statistics {
	return view[Statistics](i.m.copy(uint64(i.Groups[group].block), groupBlockBytes)[countersOffset:])
}

// Snapshot is one whole poll of a group.
type Snapshot struct {
	Poll
	Group     Group
	Published uint32
	image     *Image
	bank      []byte
}

// Snapshot copies the last poll of a group.
func (i *Image) Snapshot(group int) (Snapshot, error) {
	g := i.Groups[group]
	published, bank, err := i.copyBank(g.block, g.banks, g.bankBytes)
	return Snapshot{view[Poll](bank), g, published, i, bank}, err
}

// Steps 7 to 10.
func (i *Image) copyBank(block, banks, bankBytes uint32) (uint32, []byte, error) {
	for attempt := 0; attempt < attempts; attempt++ {
		published := i.m.u32(uint64(block) + 4)
		bank := i.m.copy(uint64(banks)+uint64(published&1)*uint64(bankBytes), uint64(bankBytes))
		if i.m.u32(uint64(block))-published <= 1 {
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

// Reading reads a point of the group of this snapshot, by its number in the image.
func (s *Snapshot) Reading(point int) (r Reading, err error) {
	i, number := s.image, point-int(s.Group.FirstPoint)
	if s.bank == nil || number < 0 || number >= int(s.Group.PointCount) {
		return r, ErrElsewhere
	}
	p, record := &i.Points[point], view[record](s.bank[int(i.sizes[5])+number*int(i.sizes[6]):])
	return Reading{record, p, decode(record.Type, record.shape, record.value, s.bank[p.room:][:p.CapacityBytes]), i}, nil
}

// Readings reads all points of the group, in their order.
func (s *Snapshot) Readings() []Reading {
	readings := make([]Reading, s.Group.PointCount)
	for number := range readings {
		readings[number], _ = s.Reading(int(s.Group.FirstPoint) + number)
	}
	return readings
}

// Usable answers "", or why the value must not be used: the first reason that holds. It asks after the snapshot: what the writer did before it
// died is then known.
func (r *Reading) Usable(maxAge time.Duration, acceptUncertain bool) string {
	h, status := r.image.Header(), r.Status>>30
	distance := func(ns int64) time.Duration { return time.Since(time.Unix(0, ns)).Abs() }
	isSilent := distance(h.HeartbeatNs) > max(3*time.Duration(h.IntervalMs)*time.Millisecond, 5*time.Second)
	return reasons[slices.Index([]bool{
		!r.image.m.isLocked(), h.State != 1, isSilent,
		status > 1, status == 1 && !acceptUncertain, distance(r.ReceivedNs) > maxAge, true,
	}, true)]
}

// Reader has the image under a name, whichever generation it is.
type Reader struct {
	LongestSleep time.Duration // a writer that was killed wakes nobody: then the name is checked again. 200 ms from the start
	name         string
	image        *Image
	seen         int64 // none: -1
}

// NewReader opens nothing yet.
func NewReader(name string) *Reader { return &Reader{LongestSleep: 200 * time.Millisecond, name: name} }

// Image is opened again when the name leads elsewhere. It is an error when the name leads nowhere.
func (r *Reader) Image() (_ *Image, err error) {
	if r.image == nil || !os.SameFile(r.image.m.state, r.image.m.named()) {
		r.seen = -1
		r.image, err = Open(r.name)
	}
	return r.image, err
}

// Wait sleeps until there is news since the last time: a publication, a retirement, another image. It is false when there was none.
func (r *Reader) Wait(timeout time.Duration) bool {
	for end := time.Now().Add(timeout); ; {
		left := min(time.Until(end), r.LongestSleep)
		if image, err := r.Image(); err != nil {
			time.Sleep(left)
		} else if now := image.m.u32(publicationsWord); int64(now) != r.seen {
			r.seen = int64(now)
			return true
		} else {
			image.m.sleep(publicationsWord, now, left)
		}
		if left <= 0 {
			return false
		}
	}
}
