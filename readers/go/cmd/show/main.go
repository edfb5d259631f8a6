// Show prints an image and what changes, and says why a value must not be used.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"cpcimage"
)

func main() {
	arguments := append(os.Args[1:], "opcua_image", "", "")
	name, journalName := arguments[0], arguments[1]
	if len(os.Args) < 3 {
		journalName = strings.Replace(name, "_image", "_journal", 1)
	}
	rounds, _ := strconv.Atoi(arguments[2])
	reader := cpcimage.NewReader(name)
	journal, err := cpcimage.OpenJournal(journalName)
	check(err)
	cursor, err := journal.Oldest()
	check(err)
	for round := 0; round == 0 || round != rounds; round++ {
		reader.Wait(10 * time.Second)
		image, err := reader.Image()
		check(err)
		for _, server := range image.Servers {
			state, err := server.State()
			check(err)
			fmt.Printf("%s: connection %d %s\n", server.Alias, state.Connection, state.Error)
			for _, group := range server.Groups() {
				snapshot, err := group.Snapshot()
				check(err)
				for _, reading := range snapshot.Readings() {
					if why := reading.Usable(10*time.Second, false); why != cpcimage.Usable {
						fmt.Printf("  %s: not usable, %s (status %08x)\n", reading.Point.Key, why, reading.Status)
						continue
					}
					fmt.Printf("  %s = %v %s\n", reading.Point.Key, reading.Value, reading.Point.Unit)
				}
			}
		}
		changes, err := journal.Since(&cursor, 1000)
		check(err)
		for _, change := range changes {
			key := "another generation's point"
			if point := image.PointOf(change); point != nil {
				key = point.Key
			}
			fmt.Printf("  %s became %v (%d changes lost before)\n", key, change.Value, change.Lost)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
