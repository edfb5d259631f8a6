// Package cpcimage reads the process image and the journal of cpc-partition: docs/process-image.md, image version 2, journal version 1.
// It writes nothing to shared memory and takes no lock.
package cpcimage

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Why an image, or a part of it, cannot be read; ask with errors.Is. Everything else is an error of the system.
var (
	// ErrRefused: no image (no journal), one of another version or byte order, or one that contradicts itself.
	ErrRefused   = errors.New("not readable")
	ErrOvertaken = errors.New("the writer overtook every attempt to copy; try again")
	ErrElsewhere = errors.New("not of this image or snapshot: look it up again")
)

const attempts, futexWait, futexWake = 100, 0, 1

// failure is what the calls below panic with. The exported call that made them returns the error.
type failure struct{ error }

func returned(err *error) {
	if panicked := recover(); panicked != nil {
		*err = panicked.(failure).error
	}
}

func must[T any](result T, err error) T {
	if err != nil {
		panic(failure{err})
	}
	return result
}

func check(holds bool, otherwise string) {
	if !holds {
		panic(failure{fmt.Errorf("%w: %s", ErrRefused, otherwise)})
	}
}

// mapping is a shared memory object, mapped read-only until nobody has it any more. Another process writes to it.
type mapping struct {
	file  *os.File
	state os.FileInfo
	bytes []byte
}

// Checks what an image and a journal begin with. A name is looked for in /dev/shm, unless it is an absolute path.
func openMapping(name string, atLeast int64, magic string, major uint32) *mapping {
	if name == "" || name[0] != '/' {
		name = "/dev/shm/" + name
	}
	file := must(os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0))
	state := must(file.Stat())
	check(state.Mode().IsRegular() && state.Size() >= atLeast, "no regular file, or too short")
	bytes := must(unix.Mmap(int(file.Fd()), 0, int(state.Size()), unix.PROT_READ, unix.MAP_SHARED))
	m := &mapping{file, state, bytes}
	runtime.SetFinalizer(m, func(m *mapping) { _ = unix.Munmap(m.bytes) })
	check(string(bytes[:8]) == magic && m.u32(12) == 0x01020304 && m.u32(8)>>16 == major, "another magic, byte order or major version")
	return m
}

// The file to which the name leads by now; nil for none.
func (m *mapping) named() (state os.FileInfo) { state, _ = os.Lstat(m.file.Name()); return state }

func (m *mapping) u64(at uint64) uint64 {
	defer runtime.KeepAlive(m)
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&m.bytes[at])))
}

func (m *mapping) u32(at uint64) uint32 { return uint32(m.u64(at&^7) >> (8 * (at % 8))) }

var fenceWord uint32

// A place and a length that are multiples of 8. What is loaded next is loaded behind the copy: a store-release stays before the next
// load-acquire, and plain loads stay before the store-release.
func (m *mapping) copy(at, length uint64) []byte {
	defer runtime.KeepAlive(m)
	defer atomic.StoreUint32(&fenceWord, 0)
	return append([]byte(nil), m.bytes[at:at+length]...)
}

// F_OFD_GETLK asks who has the lock. It takes nothing. A read lock is anybody's.
func (m *mapping) isLocked() bool {
	defer runtime.KeepAlive(m)
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	return unix.FcntlFlock(m.file.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type == unix.F_WRLCK
}

// Sleeps while the word of 32 bits has this value. Who is woken by another value wakes the other sleepers.
func (m *mapping) sleep(at uint64, value uint32, limit time.Duration) {
	defer runtime.KeepAlive(m)
	timeout := unix.NsecToTimespec(int64(limit))
	word := uintptr(unsafe.Pointer(&m.bytes[at]))
	_, _, err := unix.Syscall6(unix.SYS_FUTEX, word, futexWait, uintptr(value), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if err == 0 && m.u32(at) != value {
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, word, futexWake, 1<<31-1, 0, 0, 0)
	}
}
