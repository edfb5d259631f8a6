// Package cpcimage reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
// It writes nothing to shared memory and takes no lock.
package cpcimage

import "errors"

// Why an image, or a part of it, cannot be read; ask with errors.Is. Everything else is an error of the system.
var (
	// ErrMissing: no writer has been here, or somebody removed the object. Try again later.
	ErrMissing = errors.New("no object has this name: start the partition, or check its --prefix")
	// ErrForeign: no image (no journal), another major version, or another byte order.
	ErrForeign = errors.New("not readable by this version")
	// ErrCorrupt: a table, block, bank, room or text does not lie where it can.
	ErrCorrupt = errors.New("corrupt; restart the partition")
	// ErrOvertaken: the writer overtook every attempt to copy. Try again.
	ErrOvertaken = errors.New("the writer overtook every attempt to copy; try again")
	// ErrElsewhere: the group, server or point is not one of this image or snapshot.
	ErrElsewhere = errors.New("not of this image or snapshot: look it up again")
)

type refusal struct {
	kind error
	why  string
}

func (r refusal) Error() string { return r.kind.Error() + ": " + r.why }
func (r refusal) Unwrap() error { return r.kind }
func foreign(why string) error  { return refusal{ErrForeign, why} }
func corrupt(why string) error  { return refusal{ErrCorrupt, why} }
