// A reader in a process of its own, for tests: commands on standard input, lines and a "." as answers. tests/readers/rust-go.interop.ts
// says what it asks. It is a test binary (go test -c), so that it can switch the check of a snapshot off.

package cpcimage

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

type agent struct {
	reader  *Reader
	journal *Journal
	cursor  Cursor
}

func TestMain(*testing.M) {
	a := &agent{reader: NewReader(os.Args[1])}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := a.answer(append(strings.Split(lines.Text(), "\t"), "", "", "", ""))
		if err != nil {
			answer = code(err) + "\n"
		}
		fmt.Print(answer + ".\n")
	}
}

// What went wrong, in one word.
func code(err error) string {
	words := map[error]string{fs.ErrNotExist: "missing", ErrRefused: "corrupt", ErrOvertaken: "overtaken", ErrElsewhere: "elsewhere"}
	for kind, word := range words {
		if errors.Is(err, kind) {
			return word
		}
	}
	return "system"
}

func (a *agent) answer(words []string) (string, error) {
	number, _ := strconv.ParseUint(words[1], 10, 64)
	switch words[0] {
	case "wait":
		news := 0
		if a.reader.Wait(time.Duration(number) * time.Millisecond) {
			news = 1
		}
		runtime.GC() // unmaps what was replaced
		return fmt.Sprintln(news), nil
	case "patience":
		a.reader.LongestSleep = time.Duration(number) * time.Millisecond
		return "\n", nil
	case "open":
		_, err := Open(words[1])
		return "readable\n", err
	case "journal":
		return a.openJournal(words[1])
	case "from":
		return a.from(words[1], words[2])
	case "since":
		return a.since(int(number))
	case "count":
		return a.count(number)
	}
	image, err := a.reader.Image()
	if err != nil {
		return "", err
	}
	switch words[0] {
	case "image":
		return imageJSON(image)
	case "take":
		if number >= uint64(len(image.Groups)) {
			return "", ErrElsewhere
		}
		poll, err := image.Snapshot(int(number))
		if err != nil {
			return "", err
		}
		return fmt.Sprintln("ok", poll.Published), nil
	case "alive":
		return map[bool]string{true: "1\n", false: "0\n"}[image.m.isLocked()], nil
	case "usable":
		return usable(image, words)
	case "torn":
		return torn(image, number, words[2] == "checked")
	case "elsewhere":
		return elsewhere(image)
	}
	return "?\n", nil
}

type object = map[string]any

func service(number uint32) string {
	if number == 1 {
		return "opcua"
	}
	return "modbus"
}

func jsonLine(value any) (string, error) {
	bytes, err := json.Marshal(value)
	return string(bytes) + "\n", err
}

// As in the test vectors: readers/vectors/README.md.
func imageJSON(image *Image) (string, error) {
	servers := []any{}
	for number, s := range image.Servers {
		state, err := image.ServerState(number)
		if err != nil {
			return "", err
		}
		groups := []any{}
		for g := s.FirstGroup; g < s.FirstGroup+s.GroupCount; g++ {
			group, err := groupJSON(image, int(g))
			if err != nil {
				return "", err
			}
			groups = append(groups, group)
		}
		servers = append(servers, object{
			"alias": image.Text(s.Alias), "connectionKey": image.Text(s.ConnectionKey),
			"connectionDescription": image.Text(s.ConnectionDescription), "security": s.Security, "counters": counters(state.Counters[:8]), "groups": groups, "state": object{
				"connection": state.Connection, "changedNs": big(state.ChangedNs), "error": state.ErrorText(),
				"errorNs": big(state.ErrorNs), "certificateEndsNs": big(state.CertificateEndsNs),
				"ownCertificateEndsNs": big(state.OwnCertificateEndsNs), "requestLimit": state.RequestLimit,
			},
		})
	}
	h := image.Header()
	return jsonLine(object{
		"service": service(h.Service), "generation": h.Generation, "pointsSince": h.PointsSince, "isRetired": h.State != 1,
		"publications": h.Publications, "intervalMs": h.IntervalMs, "startedNs": big(h.StartedNs),
		"heartbeatNs": big(h.HeartbeatNs), "services": h.Services, "counters": counters(h.Counters[:3]),
		"servers": servers,
	})
}

func groupJSON(image *Image, number int) (any, error) {
	g, statistics := image.Groups[number], image.Statistics(number)
	histograms := object{}
	for which, name := range []string{"pollDuration", "sourceToReceived", "receivedToPublished"} {
		set := [][2]uint32{}
		for element, count := range statistics.Histograms[which] {
			if count > 0 {
				set = append(set, [2]uint32{uint32(element), count})
			}
		}
		histograms[name] = set
	}
	poll, err := image.Snapshot(number)
	if err != nil {
		return nil, err
	}
	points := []any{}
	for _, r := range poll.Readings() {
		reading := typed(r.Type, r.Value)
		reading["status"], reading["sourceNs"], reading["receivedNs"] = r.Status, big(r.SourceNs), big(r.ReceivedNs)
		points = append(points, object{
			"key": image.Text(r.Point.Key), "description": image.Text(r.Point.Description), "unit": image.Text(r.Point.Unit),
			"source": image.Text(r.Point.Source), "type": r.Point.Type, "serverPosition": r.Point.ServerPosition,
			"enumeration": image.Text(r.Point.Enumeration), "reading": reading,
		})
	}
	return object{
		"name": image.Text(g.Name), "intervalMs": g.IntervalMs, "firstPoint": g.FirstPoint, "counters": counters(statistics.Counters[:2]),
		"histograms": histograms, "published": poll.Published, "poll": object{
			"connection": poll.Connection, "cycle": big(poll.Cycle), "requestedNs": big(poll.RequestedNs),
			"publishedNs": big(poll.PublishedNs), "lastGoodNs": big(poll.LastGoodNs), "durationNs": big(poll.DurationNs),
			"journalPosition": big(poll.JournalPosition), "points": points,
		},
	}, nil
}

func big(number any) string { return fmt.Sprint(number) }

func counters(all []uint64) []string {
	texts := make([]string, len(all))
	for index, count := range all {
		texts[index] = big(count)
	}
	return texts
}

func typed(kind uint8, value Value) object {
	flat := func(elements []Value) []any {
		list := make([]any, len(elements))
		for index, element := range elements {
			list[index] = scalarJSON(kind, element)
		}
		return list
	}
	switch v := value.(type) {
	case []Value:
		return object{"type": kind, "value": flat(v)}
	case Matrix:
		return object{"type": kind, "value": flat(v.Elements), "dimensions": v.Dimensions}
	}
	return object{"type": kind, "value": scalarJSON(kind, value)}
}

func scalarJSON(kind uint8, value Value) any {
	switch v := value.(type) {
	case float32:
		return scalarJSON(kind, float64(v))
	case float64:
		switch {
		case v != v:
			return "NaN"
		case math.IsInf(v, 0):
			return strings.TrimPrefix(fmt.Sprint(v), "+") + "inity"
		case v == 0 && math.Signbit(v):
			return "-0"
		}
		return v
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	if kind == 8 || kind == 9 || kind == 13 {
		if value != nil {
			return big(value)
		}
	}
	return value
}

func usable(image *Image, words []string) (string, error) {
	point := image.Find(words[1])
	if point < 0 {
		return "", ErrElsewhere
	}
	poll, err := image.Snapshot(int(image.Points[point].Group))
	if err != nil {
		return "", err
	}
	reading, err := poll.Reading(point)
	if err != nil {
		return "", err
	}
	ageMs, _ := strconv.Atoi(words[2])
	why := reading.Usable(time.Duration(ageMs)*time.Millisecond, words[3] == "uncertain")
	names := map[string]string{
		"": "usable", "the writer is dead": "writer dead", "the image is retired": "retired",
		"the writer hangs": "writer hangs", "the value is too old": "too old",
	}
	if name, isKnown := names[why]; isKnown {
		return name + "\n", nil
	}
	return fmt.Sprintf("status %08x\n", reading.Status), nil
}

// A point of one group is asked of the snapshot of another.
func elsewhere(image *Image) (string, error) {
	poll, err := image.Snapshot(0)
	if err != nil {
		return "", err
	}
	_, other := poll.Reading(len(image.Points) - 1)
	_, own := poll.Reading(0)
	_, none := poll.Reading(len(image.Points))
	texts := []string{}
	for _, err := range []error{other, own, none} {
		text := "none"
		if err != nil {
			text = code(err)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ") + "\n", nil
}

// For the proof that step 10 is needed.
func uncheckedSnapshot(image *Image) Snapshot {
	g := image.Groups[0]
	published := image.m.u32(uint64(g.block) + 4)
	bank := image.m.copy(uint64(g.banks)+uint64(published&1)*uint64(g.bankBytes), uint64(g.bankBytes))
	return Snapshot{view[Poll](bank), g, published, image, bank}
}

// The pattern of torn-pattern.ts: all values follow from the first.
func torn(image *Image, count uint64, isChecked bool) (string, error) {
	whole, mixed, lapped := 0, 0, 0
	for ; count > 0; count-- {
		poll, err := image.Snapshot(0)
		if !isChecked {
			poll, err = uncheckedSnapshot(image), nil
		}
		if err != nil {
			lapped++
			continue
		}
		first, step, isWhole := 0.0, 0.0, true
		for index, reading := range poll.Readings() {
			value, _ := reading.Value.(float64)
			if index == 0 && value != 0 {
				first, step = value, 1
			}
			isWhole = isWhole && value == first+float64(index)*step
		}
		if isWhole {
			whole++
		} else {
			mixed++
		}
	}
	return fmt.Sprintf("whole %d torn %d lapped %d\n", whole, mixed, lapped), nil
}

func cursorJSON(c Cursor) object {
	if !c.Numbered {
		return object{"position": big(c.Position), "sequence": nil}
	}
	return object{"position": big(c.Position), "sequence": big(c.Sequence)}
}

func (a *agent) openJournal(name string) (string, error) {
	journal, err := OpenJournal(name)
	if err != nil {
		return "", err
	}
	end, err := journal.End()
	if err != nil {
		return "", err
	}
	a.journal, a.cursor = journal, end
	oldest, start := end, Oldest
	changes, err := journal.Since(&start, 1)
	if len(changes) > 0 {
		oldest.Position, oldest.Sequence = changes[0].Position, changes[0].Sequence
	}
	if err != nil {
		return "", err
	}
	return jsonLine(object{
		"service": service(journal.Service), "startedNs": big(journal.StartedNs), "end": cursorJSON(end), "oldest": cursorJSON(oldest),
	})
}

func (a *agent) from(position, sequence string) (string, error) {
	a.cursor = Cursor{}
	a.cursor.Position, _ = strconv.ParseUint(position, 10, 64)
	number, err := strconv.ParseUint(sequence, 10, 64)
	a.cursor.Sequence, a.cursor.Numbered = number, err == nil
	return jsonLine(cursorJSON(a.cursor))
}

// Everything from the cursor on, in calls with a limit each.
func (a *agent) since(limit int) (string, error) {
	if a.journal == nil {
		return "", fs.ErrNotExist
	}
	all, lost := []any{}, uint64(0)
	for {
		changes, err := a.journal.Since(&a.cursor, limit)
		if err != nil {
			return "", err
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			if lost += c.Lost; c.Lost == Unknown {
				lost = Unknown
			}
			change := typed(c.Type, c.Value)
			for name, value := range map[string]any{
				"position": big(c.Position), "sequence": big(c.Sequence), "point": c.Point, "group": c.Group,
				"generation": c.Generation, "status": c.Status, "sourceNs": big(c.SourceNs), "receivedNs": big(c.ReceivedNs), "publishedNs": big(c.PublishedNs),
			} {
				change[name] = value
			}
			all = append(all, change)
		}
	}
	text := big(lost)
	if lost == Unknown {
		text = "unknown"
	}
	return jsonLine(object{"lost": text, "cursor": cursorJSON(a.cursor), "changes": all})
}

// Follows until so many changes came or were lost. Each must have the number that its place says, and a value that its number says.
func (a *agent) count(until uint64) (string, error) {
	if a.journal == nil {
		return "", fs.ErrNotExist
	}
	var read, lost, wrong, due uint64
	isDue := false
	for read+lost < until {
		changes, err := a.journal.Since(&a.cursor, 1000)
		if err != nil {
			return "", err
		}
		for _, change := range changes {
			if change.Lost != Unknown {
				lost += change.Lost
				due += change.Lost
			}
			if (isDue && change.Sequence != due) || change.Value != Value(float64(change.Sequence)) {
				wrong++
			}
			due, isDue = change.Sequence+1, true
			read++
		}
	}
	return fmt.Sprintf("read %d lost %d wrong %d\n", read, lost, wrong), nil
}
