// Show prints an image and what changes: show opcua_image [opcua_journal] [ROUNDS]. It says why a value must not be used.
package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"cpcimage"
)

const oldest = 10 * time.Second

func main() {
	arguments := append(os.Args[1:], "", "", "")
	name, journalName := arguments[0], arguments[1]
	if name == "" {
		name = "opcua_image"
	}
	if journalName == "" {
		journalName = strings.Replace(name, "_image", "_journal", 1)
	}
	rounds, err := strconv.Atoi(arguments[2])
	if err != nil {
		rounds = math.MaxInt
	}
	reader := cpcimage.NewReader(name)
	journal, cursor := open(journalName)
	for ; rounds > 0; rounds-- {
		reader.Wait(10 * time.Second)
		image, err := reader.Image()
		if err == nil {
			err = show(image)
		}
		if err == nil && journal != nil {
			err = showChanges(image, journal, &cursor)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "cannot read %s because of this: %v\n", name, err)
		}
	}
}

// Without a journal only the image is shown.
func open(name string) (*cpcimage.Journal, cpcimage.Cursor) {
	journal, err := cpcimage.OpenJournal(name)
	if err != nil {
		return nil, cpcimage.Cursor{}
	}
	cursor, err := journal.End()
	if err != nil {
		return nil, cursor
	}
	return journal, cursor
}

func show(image *cpcimage.Image) error {
	for index, server := range image.Servers {
		state, err := image.ServerState(index)
		if err != nil {
			return err
		}
		fmt.Printf("%s: connection %d %s\n", server.Alias, state.Connection, state.Error)
		for group := server.FirstGroup; group < server.FirstGroup+server.GroupCount; group++ {
			snapshot, err := image.Snapshot(group)
			if err != nil {
				return err
			}
			for _, reading := range snapshot.Readings() {
				if why := image.Usable(reading, oldest, false); why != cpcimage.Usable {
					fmt.Printf("  %s: not usable, %s (status %08x)\n", reading.Point.Key, why, reading.Status)
					continue
				}
				fmt.Printf("  %s = %v %s\n", reading.Point.Key, reading.Value, reading.Point.Unit)
			}
		}
	}
	return nil
}

func showChanges(image *cpcimage.Image, journal *cpcimage.Journal, cursor *cpcimage.Cursor) error {
	changes, lost, err := journal.Since(cursor, 1000)
	if err != nil {
		return err
	}
	fmt.Printf("%d changes, %d lost\n", len(changes), lost)
	for _, change := range changes {
		key := strconv.Itoa(change.Point)
		if point := image.PointOf(change); point != nil {
			key = point.Key
		}
		fmt.Printf("  %s became %v\n", key, change.Value)
	}
	return nil
}
