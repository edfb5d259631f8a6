package cpcimage

const (
	headerBytes      = 264
	countersOffset   = 64 // in a block
	histogramsOffset = countersOffset + 16*8
	groupBlockBytes  = histogramsOffset + 3*112*4
)

// Reads and checks what never changes in an image. It keeps the first thing that is wrong.
func (i *Image) readDirectory() (wrong error) {
	check := func(holds bool, otherwise string) bool {
		if wrong == nil {
			wrong = require(holds, otherwise)
		}
		return wrong == nil
	}
	h := i.Header()
	minor := min(h.version&0xffff, 2)
	least := [...]uint64{headerBytes, 48, 40, 48 + 8*uint64(minor), 496, 56, 32}
	for index, size := range h.sizes {
		i.sizes[index] = uint64(size)
		check(i.sizes[index] >= least[index] && size%8 == 0, "a size is smaller than in its version")
	}
	check(h.imageBytes <= uint64(len(i.m.bytes)), "the image ends outside of its file")
	steps, ends, headEnd := [...]uint64{i.sizes[1], i.sizes[2], i.sizes[3], 1}, [4]uint64{}, i.sizes[0]
	for index, table := range h.tables {
		ends[index] = uint64(table.offset) + uint64(table.count)*steps[index]
		headEnd = max(headEnd, ends[index])
	}
	if !check(headEnd <= h.imageBytes, "a table lies outside of the image") {
		return wrong
	}
	head, spent := i.m.copy(0, (headEnd+7)&^7), uint64(0)
	place := func(table int, index uint32) uint64 {
		return uint64(h.tables[table].offset)&^3 + uint64(index)*steps[table]
	}
	// Texts do not overlap: all together are no longer than their table.
	texts := func(at uint64, count int) []string {
		all := make([]string, count)
		for index := range all {
			extent := *view[[2]uint32](head, at+8*uint64(index))
			start, length := uint64(extent[0]), uint64(extent[1])
			spent += length
			inside := start >= uint64(h.tables[3].offset) && start+length <= ends[3] && spent <= uint64(h.tables[3].count)
			if check(inside || length == 0, "a text lies outside of the texts") && length > 0 {
				all[index] = text(bytesOf(head)[start : start+length])
			}
		}
		return all
	}
	checkBlock := func(block uint32, bytes uint64, banks uint32, bankBytes uint64) {
		aligned := block%64 == 0 && banks%8 == 0 && bankBytes%8 == 0
		inside := uint64(block)+bytes <= uint64(banks) && uint64(banks)+2*bankBytes <= h.imageBytes
		check(aligned && inside, "a block lies outside of the image")
	}
	next := uint64(0)
	for index := uint32(0); index < h.tables[0].count && wrong == nil; index++ {
		at := place(0, index)
		t := texts(at, 3)
		s := &Server{t[0], t[1], t[2], *view[serverEntry](head, at+24), i}
		checkBlock(s.block, histogramsOffset, s.banks, i.sizes[4])
		check(uint64(s.FirstGroup) == next, "the groups do not follow one another")
		next += uint64(s.GroupCount)
		i.Servers = append(i.Servers, s)
	}
	check(next == uint64(h.tables[1].count), "a group has no server")
	next = 0
	for index := uint32(0); index < h.tables[1].count && wrong == nil; index++ {
		at := place(1, index)
		g := &Group{texts(at, 1)[0], *view[groupEntry](head, at+8), i}
		checkBlock(g.block, groupBlockBytes, g.banks, uint64(g.bankBytes))
		owned := int(g.Server) < len(i.Servers) && index-i.Servers[g.Server].FirstGroup < i.Servers[g.Server].GroupCount
		check(owned && uint64(g.FirstPoint) == next, "the points do not follow one another")
		next += uint64(g.PointCount)
		check(i.sizes[5]+uint64(g.PointCount)*i.sizes[6] <= uint64(g.bankBytes), "a record lies outside of its bank")
		i.Groups = append(i.Groups, g)
	}
	check(next == uint64(h.tables[2].count), "a point has no group")
	rooms, shared := make([]uint64, len(i.Groups)), map[[2]uint32]string{}
	for index := uint32(0); index < h.tables[2].count && wrong == nil; index++ {
		at := place(2, index)
		t := texts(at, 4)
		p := &Point{t[0], t[1], t[2], t[3], "", *view[pointEntry](head, at+32), 0, index}
		if !check(int(p.Group) < len(i.Groups) && index-i.Groups[p.Group].FirstPoint < i.Groups[p.Group].PointCount, "a point is not in its group") {
			break
		}
		g := i.Groups[p.Group]
		if p.ServerPosition = index - i.Groups[i.Servers[g.Server].FirstGroup].FirstPoint; minor >= 1 {
			p.ServerPosition = *view[uint32](head, at+48)
		}
		if minor >= 2 { // points of one enumeration share its text
			extent, known := *view[[2]uint32](head, at+56), false
			if p.Enumeration, known = shared[extent]; !known {
				p.Enumeration = texts(at+56, 1)[0]
				shared[extent] = p.Enumeration
			}
		}
		// Rooms do not overlap either.
		rooms[p.Group] += uint64(p.CapacityBytes)
		roomEnd := max(rooms[p.Group], uint64(p.room)+uint64(p.CapacityBytes))
		check(roomEnd <= uint64(g.bankBytes), "a room lies outside of its bank")
		check(i.byKey[p.Key] == nil, "two points have the same key")
		i.byKey[p.Key], i.Points = p, append(i.Points, p)
	}
	return wrong
}
