// A reader in a process of its own, for tests: commands on standard input, lines and a "." as answers. tests/readers/rust-go.interop.ts
// says what it asks. It is a test binary (go test -c), so that it can switch the check of a snapshot off.

package cpcimage

import (
	"bufio"
	"errors"
	"fmt"
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
	words := map[error]string{
		ErrMissing: "missing", ErrForeign: "foreign", ErrCorrupt: "corrupt", ErrOvertaken: "overtaken", ErrElsewhere: "elsewhere",
	}
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
	case "journal":
		return a.openJournal(words[1], words[2])
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
	case "dump":
		return dump(image)
	case "take":
		poll, err := image.Snapshot(int(number))
		if err != nil {
			return "", err
		}
		return fmt.Sprintln("ok", poll.Published), nil
	case "alive":
		alive, err := image.HasWriter()
		return map[bool]string{true: "1\n", false: "0\n"}[alive], err
	case "usable":
		return usable(image, words)
	case "numbers":
		return numbers(image)
	case "torn":
		return torn(image, number, words[2] == "checked")
	case "elsewhere":
		return elsewhere(image)
	}
	return "?\n", nil
}

func dump(image *Image) (string, error) {
	var out strings.Builder
	service := map[uint32]string{1: "opcua"}[image.Service]
	if service == "" {
		service = "modbus"
	}
	line := func(fields ...any) {
		texts := make([]string, len(fields))
		for index, field := range fields {
			texts[index] = fmt.Sprint(field)
		}
		out.WriteString(strings.Join(texts, "\t") + "\n")
	}
	line("image", service, len(image.Servers))
	for index, s := range image.Servers {
		state, err := image.ServerState(index)
		if err != nil {
			return "", err
		}
		message := fmt.Sprintf("%x", state.Error)
		line("server", s.Alias, s.ConnectionKey, s.ConnectionDescription, state.Connection, state.ChangedNs, state.ErrorNs,
			state.CertificateEndsNs, state.OwnCertificateEndsNs, message)
		for number := s.FirstGroup; number < s.FirstGroup+s.GroupCount; number++ {
			g := image.Groups[number]
			poll, err := image.Snapshot(number)
			if err != nil {
				return "", err
			}
			line("group", g.Name, g.IntervalMs, poll.Connection, poll.Cycle, poll.RequestedNs, poll.PublishedNs, poll.LastGoodNs,
				poll.DurationNs, poll.JournalPosition)
			for _, r := range poll.Readings() {
				p := r.Point
				line("point", p.Key, p.Description, p.Unit, p.Source, p.Type, r.Type, fmt.Sprintf("%08x", r.Status), r.SourceNs,
					r.ReceivedNs, canonical(r.Value))
			}
		}
	}
	return out.String(), nil
}

func canonical(value Value) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case float32:
		if v != v {
			return "NaN"
		}
		return fmt.Sprintf("f%08x", math.Float32bits(v))
	case float64:
		if v != v {
			return "NaN"
		}
		return fmt.Sprintf("d%016x", math.Float64bits(v))
	case string, []byte:
		return fmt.Sprintf("x%x", v)
	case []Value:
		texts := make([]string, len(v))
		for index, element := range v {
			texts[index] = canonical(element)
		}
		return "[" + strings.Join(texts, ",") + "]"
	case Matrix:
		dimensions := strings.ReplaceAll(strings.Trim(fmt.Sprint(v.Dimensions), "[]"), " ", ",")
		return "(" + dimensions + ")" + canonical(v.Elements)
	}
	return fmt.Sprint(value)
}

func usable(image *Image, words []string) (string, error) {
	point := image.Point(words[1])
	if point == nil {
		return "", ErrElsewhere
	}
	poll, err := image.Snapshot(point.Group)
	if err != nil {
		return "", err
	}
	reading, err := poll.Reading(point)
	if err != nil {
		return "", err
	}
	ageMs, _ := strconv.Atoi(words[2])
	why := image.Usable(reading, time.Duration(ageMs)*time.Millisecond, words[3] == "uncertain")
	names := map[Unusable]string{
		Usable: "usable", WriterDead: "writer dead", Retired: "retired", WriterHangs: "writer hangs", TooOld: "too old",
		BadStatus: fmt.Sprintf("status %08x", reading.Status),
	}
	return names[why] + "\n", nil
}

// A point of one group is asked of the snapshot of another.
func elsewhere(image *Image) (string, error) {
	first, last := image.Points[0], image.Points[len(image.Points)-1]
	poll, err := image.Snapshot(first.Group)
	if err != nil {
		return "", err
	}
	_, other := poll.Reading(last)
	_, own := poll.Reading(first)
	_, none := image.Snapshot(len(image.Groups))
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

// Counters and histograms: not zero ones only, each with its place.
func numbers(image *Image) (string, error) {
	var out strings.Builder
	tell := func(what string, values []uint64) {
		out.WriteString(what + " ")
		set := []string{}
		for index, value := range values {
			if value != 0 {
				set = append(set, fmt.Sprintf("%d:%d", index, value))
			}
		}
		out.WriteString(strings.Join(set, " ") + "\n")
	}
	counters := image.Counters()
	tell("service", counters[:])
	for index := range image.Servers {
		counters, err := image.ServerCounters(index)
		if err != nil {
			return "", err
		}
		tell(fmt.Sprint("server ", index), counters[:])
	}
	for index := range image.Groups {
		counters, err := image.GroupCounters(index)
		if err != nil {
			return "", err
		}
		tell(fmt.Sprint("group ", index), counters[:])
		histograms, err := image.Histograms(index)
		if err != nil {
			return "", err
		}
		for which, histogram := range histograms {
			wide := make([]uint64, len(histogram))
			for bucket, count := range histogram {
				wide[bucket] = uint64(count)
			}
			tell(fmt.Sprintf("histogram %d %d", index, which), wide)
		}
	}
	return out.String(), nil
}

// The pattern of torn-pattern.ts: all values follow from the first.
func torn(image *Image, count uint64, isChecked bool) (string, error) {
	whole, mixed, lapped := 0, 0, 0
	for ; count > 0; count-- {
		poll, err := image.snapshot(0, isChecked)
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

func (a *agent) openJournal(name, where string) (answer string, err error) {
	if a.journal, err = OpenJournal(name); err != nil {
		return "", err
	}
	switch where {
	case "end":
		a.cursor, err = a.journal.End()
	case "oldest":
		a.cursor, err = a.journal.Oldest()
	default:
		a.cursor = Cursor{}
		a.cursor.Position, _ = strconv.ParseUint(where, 10, 64)
	}
	return fmt.Sprintln(a.cursor.Position), err
}

func (a *agent) since(limit int) (string, error) {
	if a.journal == nil {
		return "", ErrMissing
	}
	changes, lost, err := a.journal.Since(&a.cursor, limit)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if lost == Unknown {
		out.WriteString("lost unknown\n")
	} else {
		fmt.Fprintln(&out, "lost", lost)
	}
	for _, c := range changes {
		fmt.Fprintf(&out, "change\t%d\t%d\t%d\t%d\t%d\t%08x\t%d\t%d\t%s\n",
			c.Sequence, c.Point, c.Group, c.Generation, c.Type, c.Status, c.SourceNs, c.ReceivedNs, canonical(c.Value))
	}
	return out.String(), nil
}

// Follows until so many changes came or were lost. Each must have the number that its place says, and a value that its number says.
func (a *agent) count(until uint64) (string, error) {
	if a.journal == nil {
		return "", ErrMissing
	}
	var read, lost, wrong, due uint64
	isDue := false
	for read+lost < until {
		changes, missed, err := a.journal.Since(&a.cursor, 1000)
		if err != nil {
			return "", err
		}
		if missed != Unknown {
			lost += missed
			due += missed
		}
		for _, change := range changes {
			if (isDue && change.Sequence != due) || change.Value != Value(float64(change.Sequence)) {
				wrong++
			}
			due, isDue = change.Sequence+1, true
			read++
		}
	}
	return fmt.Sprintf("read %d lost %d wrong %d\n", read, lost, wrong), nil
}
