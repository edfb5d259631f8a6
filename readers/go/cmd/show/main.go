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
	cursor := cpcimage.Oldest
	for round := 0; round == 0 || round != rounds; round++ {
		reader.Wait(10 * time.Second)
		image, err := reader.Image()
		check(err)
		for number, server := range image.Servers {
			state, err := image.ServerState(number)
			check(err)
			fmt.Printf("%s: connection %d %s\n", image.Text(server.Alias), state.Connection, state.ErrorText())
			for group := server.FirstGroup; group < server.FirstGroup+server.GroupCount; group++ {
				snapshot, err := image.Snapshot(int(group))
				check(err)
				for _, reading := range snapshot.Readings() {
					key, unit := image.Text(reading.Point.Key), image.Text(reading.Point.Unit)
					if why := reading.Usable(10*time.Second, false); why != "" {
						fmt.Printf("  %s: not usable, %s (status %08x)\n", key, why, reading.Status)
						continue
					}
					fmt.Printf("  %s = %v %s\n", key, reading.Value, unit)
				}
			}
		}
		changes, err := journal.Since(&cursor, 1000)
		check(err)
		for _, change := range changes {
			key := "another generation's point"
			if point := image.PointOf(change); point != nil {
				key = image.Text(point.Key)
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
