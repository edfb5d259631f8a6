package cpcimage

// Server is an entry of the server table.
type Server struct {
	Alias, ConnectionKey, ConnectionDescription string
	FirstGroup, GroupCount                      int
	Security                                    uint32 // 0 unknown, 1 insecure as configured, 2 secured
	block, banks                                uint64
}

// Group is an entry of the group table. The name is empty for the only group of a server.
type Group struct {
	Name                           string
	Server, FirstPoint, PointCount int
	IntervalMs, Acquisition        uint32
	block, banks, bankBytes        uint64
}

// Point is an entry of the point table of one image. Look it up again in the next one.
type Point struct {
	Key, Description, Unit, Source string
	Type                           uint32 // built-in type as configured or learned, 0 for unknown
	Group, Index                   int    // Index is in the image; in the group it is less FirstPoint
	CapacityBytes                  uint64
	room                           uint64
}

// Directory is what never changes in an image.
type Directory struct {
	Service                             uint32 // 1 OPC UA, 2 Modbus TCP
	Generation, PointsSince, IntervalMs uint32
	StartedNs                           int64
	Servers                             []Server
	Groups                              []Group
	Points                              []*Point
	byKey                               map[string]*Point
	stateBytes, pollBytes, recordBytes  uint64
}

// The sizes of version 2.0, in the header's order: header, entry of a server, group, point, state of a server, poll header, record.
var sizes = [...]uint64{264, 48, 40, 48, 496, 56, 32}

const (
	countersOffset   = 64 // in a block
	histogramsOffset = countersOffset + 16*8
	histogramBytes   = 112 * 4
)

// tables reads the tables, and keeps the first thing that is wrong.
type tables struct {
	*mapping
	at, end                     uint64
	textTable, textBytes, spent uint64
	wrong                       string
}

func (t *tables) require(holds bool, otherwise string) {
	if !holds && t.wrong == "" {
		t.wrong = otherwise
	}
}

func (t *tables) next() uint64 {
	t.at += 4
	return uint64(t.u32(t.at - 4))
}

// Texts do not overlap: all together are no longer than their table.
func (t *tables) text() string {
	at, length := t.next(), t.next()
	t.spent += length
	inside := at >= t.textTable && at+length <= t.textTable+t.textBytes && t.spent <= t.textBytes
	t.require(inside || length == 0, "a text lies outside of the texts")
	if t.wrong != "" || length == 0 {
		return ""
	}
	bytes := make([]byte, length)
	t.copy(bytes, at)
	return text(bytes)
}

// Where the entries of a table are, whose offset and count stand in the header.
func (t *tables) entries(field, step uint64) []uint64 {
	table, count := uint64(t.u32(field)), uint64(t.u32(field+4))
	t.require(table%4 == 0 && table+count*step <= t.end, "a table lies outside of the image")
	if t.wrong != "" {
		return nil
	}
	places := make([]uint64, count)
	for index := range places {
		places[index] = table + uint64(index)*step
	}
	return places
}

func (t *tables) requireBlock(block, bytes, banks, bankBytes uint64) {
	aligned := block%64 == 0 && banks%8 == 0 && bankBytes%8 == 0
	t.require(aligned && block+bytes <= banks && banks+2*bankBytes <= t.end, "a block lies outside of the image")
}

func readDirectory(m *mapping) (Directory, error) {
	t := &tables{mapping: m, end: m.u64(48)}
	var steps [len(sizes)]uint64
	for index, size := range sizes {
		steps[index] = uint64(m.u32(16 + 4*uint64(index)))
		t.require(steps[index] >= size && steps[index]%8 == 0, "a step is smaller than in version 2.0")
	}
	t.require(t.end >= steps[0] && t.end <= uint64(len(m.bytes)), "the image ends outside of its file")
	servers, groups, points := t.entries(56, steps[1]), t.entries(64, steps[2]), t.entries(72, steps[3])
	t.textTable, t.textBytes = uint64(m.u32(80)), uint64(m.u32(84))
	t.require(t.textTable+t.textBytes <= t.end, "the texts lie outside of the image")
	d := Directory{
		Service: m.u32(44), Generation: m.u32(88), PointsSince: m.u32(92), IntervalMs: m.u32(108), StartedNs: int64(m.u64(112)),
		stateBytes: steps[4], pollBytes: steps[5], recordBytes: steps[6], byKey: map[string]*Point{},
	}
	next := 0
	for _, t.at = range servers {
		s := Server{Alias: t.text(), ConnectionKey: t.text(), ConnectionDescription: t.text()}
		s.FirstGroup, s.GroupCount = int(t.next()), int(t.next())
		s.block, s.banks, s.Security = t.next(), t.next(), uint32(t.next())
		t.requireBlock(s.block, histogramsOffset, s.banks, d.stateBytes)
		t.require(s.GroupCount == 0 || s.FirstGroup == next, "the groups do not follow one another")
		next += s.GroupCount
		if t.wrong != "" {
			break
		}
		d.Servers = append(d.Servers, s)
	}
	t.require(next == len(groups), "a group has no server")
	next = 0
	var rooms []uint64
	for index := 0; index < len(groups) && t.wrong == ""; index++ {
		t.at = groups[index]
		g := Group{Name: t.text(), Server: int(t.next()), FirstPoint: int(t.next()), PointCount: int(t.next())}
		g.block, g.banks, g.bankBytes = t.next(), t.next(), t.next()
		g.IntervalMs, g.Acquisition = uint32(t.next()), uint32(t.next())
		t.requireBlock(g.block, histogramsOffset+3*histogramBytes, g.banks, g.bankBytes)
		owned := g.Server < len(d.Servers) && contains(d.Servers[g.Server].FirstGroup, d.Servers[g.Server].GroupCount, index)
		t.require(owned && g.FirstPoint == next, "the points do not follow one another")
		next += g.PointCount
		t.require(d.pollBytes+uint64(g.PointCount)*d.recordBytes <= g.bankBytes, "a record lies outside of its bank")
		d.Groups, rooms = append(d.Groups, g), append(rooms, 0)
	}
	t.require(next == len(points), "a point has no group")
	for index := 0; index < len(points) && t.wrong == ""; index++ {
		t.at = points[index]
		p := &Point{Key: t.text(), Description: t.text(), Unit: t.text(), Source: t.text(), Index: index}
		p.Type, p.Group, p.CapacityBytes, p.room = uint32(t.next()), int(t.next()), t.next(), t.next()
		if p.Group >= len(d.Groups) || !contains(d.Groups[p.Group].FirstPoint, d.Groups[p.Group].PointCount, index) {
			t.require(false, "a point is not in its group")
			break
		}
		// Rooms do not overlap either.
		rooms[p.Group] += p.CapacityBytes
		end := max(rooms[p.Group], p.room+p.CapacityBytes)
		t.require(end <= d.Groups[p.Group].bankBytes, "a room lies outside of its bank")
		t.require(d.byKey[p.Key] == nil, "two points have the same key")
		d.byKey[p.Key], d.Points = p, append(d.Points, p)
	}
	if t.wrong != "" {
		return Directory{}, corrupt(t.wrong)
	}
	return d, nil
}

func contains(first, count, index int) bool { return index >= first && index-first < count }
