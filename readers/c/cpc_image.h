/*
 * Reads the process images of cpc-partition: values of a plant in shared memory, without a lock and without a way back. cpc_journal.h reads
 * the journals. One header for C11 and C++11, Linux, 64 bits, little-endian, gcc or clang. README.md has the whole API, docs/process-image.md says what every
 * field means.
 *
 *     cpc_image image;
 *     cpc_open(&image, "modbus_image");            // no image yet is no failure: cpc_wait finds it
 *     while (cpc_wait(&image, 1000) >= 0) {        // 1: something was published, 0: time is over
 *         cpc_point point;
 *         cpc_group group;
 *         cpc_snapshot poll;
 *         cpc_value value;
 *         double pressure;
 *         if (cpc_find_point(&image, "pump: pressure", &point) != 0 || cpc_group_at(&image, point.group, &group) != 0) continue;
 *         if (cpc_take(&image, &group, buffer, sizeof buffer, &poll) != 0 || cpc_read(&poll, &point, &value) != 0) continue;
 *         const int reason = cpc_usability(&image, &value, 2000, false);
 *         if (reason != CPC_USABLE) printf("no pressure: %s\n", cpc_why(reason));
 *         else if (cpc_as_double(&value, &pressure)) ...
 *     }
 *     cpc_close(&image);
 *
 * Functions return 0 or more when all is well, and an errno, negated, when not:
 *   -ENOENT    no such image, journal, server, group or point (yet)
 *   -EPROTO    what has the name is no image or journal, or one of another major version
 *   -EBADMSG   it contradicts itself
 *   -ENOBUFS   the buffer is too small
 *   -EAGAIN    the writer overtook every attempt to copy; try again
 *   -EINVAL    the point belongs to another group, or to another image, than the snapshot
 *   -ESTALE    (cpc_journal.h) the journal no longer has what is behind this position
 *   and what the system says (-EACCES: this user may not read it).
 *
 * cpc_server, cpc_group and cpc_point are valid until cpc_current or cpc_wait returns 1 or less than 0, and until cpc_close: then another
 * image may be open. Snapshots and the values read from them lie in the caller's buffer and stay. One cpc_image for each thread.
 */
#ifndef CPC_IMAGE_H
#define CPC_IMAGE_H

#ifndef __linux__
#error "cpc_image.h needs Linux: images are read from /dev/shm, and readers sleep on a futex"
#endif
#ifndef __GNUC__
#error "cpc_image.h needs gcc or clang for the __atomic functions"
#endif
#if !defined(__cplusplus) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L)
#error "cpc_image.h needs C11 or newer: compile with -std=c11 or -std=gnu11"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for syscall(2) and F_OFD_GETLK */
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if UINTPTR_MAX != UINT64_MAX || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "cpc_image.h needs a 64-bit little-endian machine: process images are laid out for one"
#endif
#if !defined(F_OFD_GETLK) || !defined(__USE_GNU)
#error "cpc_image.h needs _GNU_SOURCE: include it before all other headers, or compile with -D_GNU_SOURCE"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* OPC 10000-6, Table 1. From NODEID on (but STATUSCODE) a value is the text of its OPC UA JSON encoding. */
enum {
    CPC_NULL, CPC_BOOLEAN, CPC_SBYTE, CPC_BYTE, CPC_INT16, CPC_UINT16, CPC_INT32, CPC_UINT32, CPC_INT64, CPC_UINT64,
    CPC_FLOAT, CPC_DOUBLE, CPC_STRING, CPC_DATETIME, CPC_GUID, CPC_BYTESTRING, CPC_XMLELEMENT, CPC_NODEID,
    CPC_EXPANDEDNODEID, CPC_STATUSCODE, CPC_QUALIFIEDNAME, CPC_LOCALIZEDTEXT, CPC_EXTENSIONOBJECT, CPC_DATAVALUE,
    CPC_VARIANT, CPC_DIAGNOSTICINFO
};

enum { CPC_WAITING, CPC_CONNECTING, CPC_CONNECTED, CPC_LOST, CPC_STOPPED };
enum { CPC_SECURITY_UNKNOWN, CPC_INSECURE, CPC_SECURED };

/* Counters of the service, for cpc_service_counter. */
enum { CPC_TICKS_MISSED, CPC_OBJECTS_RESTORED, CPC_THREADS, CPC_SERVICE_COUNTERS };
/* Counters of a server, for cpc_server_counter. */
enum {
    CPC_CONNECTS, CPC_FAILED_CONNECTION, CPC_FAILED_TIMEOUT, CPC_FAILED_PROTOCOL, CPC_FAILED_SECURITY, CPC_FAILED_IDENTITY,
    CPC_FAILED_SERVICE, CPC_FAILED_STOPPED, CPC_SERVER_COUNTERS
};
/* Counters of a group, for cpc_group_counter. */
enum { CPC_POLLS, CPC_OVERRUNS, CPC_GROUP_COUNTERS };
/* Histograms of a group, for cpc_histogram: element i counts 2^(i/4) to 2^((i+1)/4) microseconds. */
enum { CPC_POLL_DURATION, CPC_SOURCE_TO_RECEIVED, CPC_RECEIVED_TO_PUBLISHED, CPC_HISTOGRAMS };
enum { CPC_DURATIONS = 112, CPC_ERROR_BYTES = 448 };

/* Why a value is not usable, in the order in which it is asked. */
enum {
    CPC_USABLE, CPC_NO_IMAGE, CPC_WRITER_DEAD, CPC_RETIRED, CPC_WRITER_HANGS, CPC_BAD_STATUS, CPC_UNCERTAIN_STATUS, CPC_TOO_OLD
};

/* A shared memory object by its name, mapped read-only. */
typedef struct {
    char path[280];
    int descriptor;
    const uint8_t *memory; /* NULL: none is open */
    size_t mapped_bytes;
    ino_t inode;
    dev_t device;
} cpc_object;

typedef struct {
    cpc_object object;
    uint64_t id; /* tells this image from every other */
    uint64_t image_bytes;
    uint32_t server_count, server_table, server_stride, group_count, group_table, group_stride;
    uint32_t point_count, point_table, point_stride, state_bytes, poll_bytes, record_bytes, minor_version;
    bool is_new; /* not yet reported by cpc_wait */
    uint32_t publications;
    uint32_t woken_for; /* the publication that the other sleepers were woken for last */
} cpc_image;

typedef struct {
    const char *alias, *connection_key, *connection_description;
    uint32_t index, first_group, group_count, security;
    uint32_t block, banks; /* where they are */
} cpc_server;

/* What is published as a whole: the points of a server that are read at one rate. */
typedef struct {
    const char *name; /* "" for the only group of a server */
    uint32_t index, server, first_point, point_count, interval_ms, acquisition;
    uint32_t block, banks, bank_bytes; /* where they are */
} cpc_group;

typedef struct {
    const char *key, *description, *unit, *source;
    const char *enumeration; /* the texts of its values, a line for each: "0=Stopped"; "" for none */
    uint32_t index;
    uint32_t type;     /* as configured or learned; a value has its own */
    uint32_t group;    /* index of its group */
    uint32_t position; /* among the points of its group */
    uint32_t server_position; /* among all points of its server, in the order of the configuration */
    uint32_t room, capacity_bytes;
    uint64_t image_id;
} cpc_point;

/* A server's connection. Instants are nanoseconds since 1970 UTC, 0 for none. */
typedef struct {
    uint32_t connection;
    int64_t changed_ns, error_ns, certificate_ends_ns, own_certificate_ends_ns;
    uint32_t request_limit;          /* the most that one request may ask for, 0 for no limit */
    char error[CPC_ERROR_BYTES + 1]; /* the last failure; whether it is over, `connection` says */
} cpc_state;

/* One poll of one group, in the caller's buffer. */
typedef struct {
    const uint8_t *bank;
    uint32_t bank_bytes, poll_bytes, record_bytes, point_count;
    uint32_t group, published;
    uint64_t image_id;
} cpc_snapshot;

typedef struct {
    uint32_t connection; /* of the server when this was published */
    uint64_t cycle;
    int64_t requested_ns, published_ns, last_good_ns, duration_ns;
    uint64_t journal_position; /* every change up to this poll lies before it in the journal; 0 without journal */
} cpc_poll;

typedef struct {
    uint32_t status; /* OPC UA status code; 0 is Good */
    int64_t source_ns, received_ns;
    uint64_t image_id;
    uint8_t type, shape; /* shape: 0 scalar, 1 array, n > 1: matrix of n dimensions */
    bool is_null;
    uint64_t word;        /* of a scalar that has at most 64 bits */
    const uint8_t *bytes; /* of text, byte string, array: `length` bytes (elements only) */
    uint32_t length, elements; /* of an array of texts there may be fewer elements than it says: see cpc_next */
    const uint8_t *dimensions; /* of a matrix, for cpc_dimension; NULL when they were cut off */
} cpc_value;

/* ------------------------------------------------------------------------------------------- fields */

static inline uint32_t cpc_u32_(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline int64_t cpc_i64_(const uint8_t *at) {
    int64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t cpc_load_(const uint8_t *at) {
    return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static inline uint32_t cpc_align_(uint32_t offset, uint32_t to) {
    return (offset + to - 1) / to * to;
}

static inline uint64_t cpc_load64_(const uint8_t *at) {
    return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

/* ------------------------------------------------------------------------------------------- opening */

static inline int cpc_object_init_(cpc_object *object, const char *name) {
    memset(object, 0, sizeof *object);
    object->descriptor = -1;
    if (name[0] == 0 || strchr(name, '/') != NULL || strlen(name) > 255) return -EINVAL;
    snprintf(object->path, sizeof object->path, "/dev/shm/%s", name);
    return 0;
}

static inline void cpc_object_close_(cpc_object *object) {
    if (object->memory != NULL) munmap((void *)(uintptr_t)object->memory, object->mapped_bytes);
    if (object->descriptor >= 0) close(object->descriptor);
    object->memory = NULL;
    object->descriptor = -1;
}

static inline int cpc_object_open_(cpc_object *object, size_t least_bytes) {
    struct stat state;
    int result = 0;
    cpc_object_close_(object);
    object->descriptor = open(object->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (object->descriptor < 0) return errno == ELOOP ? -EPROTO : -errno;
    if (fstat(object->descriptor, &state) != 0) result = -errno;
    else if (!S_ISREG(state.st_mode) || (size_t)state.st_size < least_bytes) result = -EPROTO;
    if (result == 0) {
        void *memory = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, object->descriptor, 0);
        if (memory == MAP_FAILED) {
            result = -errno;
        } else {
            object->memory = (const uint8_t *)memory;
            object->mapped_bytes = (size_t)state.st_size;
            object->inode = state.st_ino;
            object->device = state.st_dev;
        }
    }
    if (result != 0) cpc_object_close_(object);
    return result;
}

/* The name leads to what is open. */
static inline bool cpc_object_is_current_(const cpc_object *object) {
    struct stat state;
    return object->memory != NULL && lstat(object->path, &state) == 0 && state.st_ino == object->inode &&
           state.st_dev == object->device;
}

/* -EPROTO unless magic, byte order and major version are these. */
static inline int cpc_check_kind_(const cpc_object *object, uint32_t magic_low, uint32_t magic_high, uint32_t major) {
    const uint8_t *head = object->memory;
    const bool is_known = cpc_load_(head) == magic_low && cpc_load_(head + 4) == magic_high &&
                          cpc_u32_(head + 12) == 0x01020304u && cpc_load_(head + 8) >> 16 == major;
    return is_known ? 0 : -EPROTO;
}

static inline void cpc_close(cpc_image *image) {
    cpc_object_close_(&image->object);
}

/* True for a table, a block or a bank that lies in the image. */
static inline bool cpc_lies_in_(const cpc_image *image, uint64_t offset, uint64_t bytes) {
    return offset <= image->image_bytes && bytes <= image->image_bytes - offset;
}

/* Adds the length of a text with a NUL behind it to *sum; false unless it lies in the texts. */
static inline bool cpc_check_text_(const cpc_image *image, const uint8_t *entry, uint64_t *sum) {
    const uint8_t *head = image->object.memory;
    const uint64_t start = cpc_u32_(entry), length = cpc_u32_(entry + 4);
    const uint64_t table = cpc_u32_(head + 80), table_bytes = cpc_u32_(head + 84);
    *sum += length;
    return start >= table && start + length < table + table_bytes && head[start + length] == 0 && *sum < table_bytes;
}

static inline bool cpc_check_block_(const cpc_image *image, uint32_t block, uint32_t block_bytes, uint32_t banks, uint32_t bank_bytes) {
    return block % 64 == 0 && banks % 8 == 0 && bank_bytes % 8 == 0 && (uint64_t)block + block_bytes <= banks &&
           cpc_lies_in_(image, banks, 2 * (uint64_t)bank_bytes);
}

/* Looks at all of the directory once: whoever follows its offsets afterwards stays inside the image. */
static inline bool cpc_check_directory_(const cpc_image *image) {
    const uint8_t *head = image->object.memory;
    uint64_t texts = 0;
    uint32_t groups = 0, points = 0;
    for (uint32_t s = 0; s < image->server_count; s++) {
        const uint8_t *server = head + image->server_table + (size_t)s * image->server_stride;
        const uint32_t group_count = cpc_u32_(server + 28);
        for (uint32_t text = 0; text < 24; text += 8)
            if (!cpc_check_text_(image, server + text, &texts)) return false;
        if (cpc_u32_(server + 24) != groups || group_count > image->group_count - groups) return false;
        if (!cpc_check_block_(image, cpc_u32_(server + 32), 192, cpc_u32_(server + 36), image->state_bytes)) return false;
        for (uint32_t end = groups + group_count; groups < end; groups++) {
            const uint8_t *group = head + image->group_table + (size_t)groups * image->group_stride;
            const uint32_t point_count = cpc_u32_(group + 16), bank_bytes = cpc_u32_(group + 28);
            if (!cpc_check_text_(image, group, &texts) || cpc_u32_(group + 8) != s) return false;
            if (cpc_u32_(group + 12) != points || point_count > image->point_count - points) return false;
            if (!cpc_check_block_(image, cpc_u32_(group + 20), 1536, cpc_u32_(group + 24), bank_bytes)) return false;
            if (image->poll_bytes + (uint64_t)point_count * image->record_bytes > bank_bytes) return false;
            uint64_t rooms = 0;
            for (uint32_t last = points + point_count; points < last; points++) {
                const uint8_t *point = head + image->point_table + (size_t)points * image->point_stride;
                for (uint32_t text = 0; text < 32; text += 8)
                    if (!cpc_check_text_(image, point + text, &texts)) return false;
                uint64_t shared = 0; /* Points of one enumeration share its text. */
                if (image->minor_version >= 2 && !cpc_check_text_(image, point + 56, &shared)) return false;
                const uint64_t capacity = cpc_u32_(point + 40);
                rooms += capacity;
                if (cpc_u32_(point + 36) != groups || cpc_u32_(point + 44) + capacity > bank_bytes || rooms > bank_bytes) return false;
            }
        }
    }
    return groups == image->group_count && points == image->point_count;
}

/* Minor versions append to the entry of a point. */
static inline uint32_t cpc_least_point_bytes_(const cpc_image *image) {
    return image->minor_version >= 2 ? 64 : image->minor_version == 1 ? 56 : 48;
}

static inline int cpc_check_(cpc_image *image) {
    const uint8_t *head = image->object.memory;
    if (cpc_check_kind_(&image->object, 0x49435043u, 0x4547414du, 2) != 0) return -EPROTO;
    image->minor_version = cpc_u32_(head + 8) & 0xffff;
    image->image_bytes = (uint64_t)cpc_i64_(head + 48);
    image->server_stride = cpc_u32_(head + 20);
    image->group_stride = cpc_u32_(head + 24);
    image->point_stride = cpc_u32_(head + 28);
    image->state_bytes = cpc_u32_(head + 32);
    image->poll_bytes = cpc_u32_(head + 36);
    image->record_bytes = cpc_u32_(head + 40);
    image->server_table = cpc_u32_(head + 56);
    image->server_count = cpc_u32_(head + 60);
    image->group_table = cpc_u32_(head + 64);
    image->group_count = cpc_u32_(head + 68);
    image->point_table = cpc_u32_(head + 72);
    image->point_count = cpc_u32_(head + 76);
    image->id = (uint64_t)image->object.inode ^ (uint64_t)cpc_i64_(head + 112) ^ (uint64_t)cpc_u32_(head + 88) << 48;
    const bool is_wide_enough = image->server_stride >= 48 && image->group_stride >= 40 && image->point_stride >= cpc_least_point_bytes_(image) &&
                                image->state_bytes >= 512 && image->poll_bytes >= 128 && image->record_bytes >= 32 &&
                                image->poll_bytes % 8 == 0 && image->record_bytes % 8 == 0;
    const bool fits =
        image->image_bytes >= 512 && image->image_bytes <= image->object.mapped_bytes &&
        cpc_lies_in_(image, image->server_table, (uint64_t)image->server_count * image->server_stride) &&
        cpc_lies_in_(image, image->group_table, (uint64_t)image->group_count * image->group_stride) &&
        cpc_lies_in_(image, image->point_table, (uint64_t)image->point_count * image->point_stride) &&
        cpc_lies_in_(image, cpc_u32_(head + 80), cpc_u32_(head + 84));
    return is_wide_enough && fits && cpc_check_directory_(image) ? 0 : -EBADMSG;
}

static inline int cpc_reopen_(cpc_image *image) {
    int result = cpc_object_open_(&image->object, 512);
    if (result == 0) result = cpc_check_(image);
    if (result == 0) image->is_new = true;
    else cpc_close(image);
    return result;
}

/* Makes sure that the image which the name leads to is open: 0 it was, 1 it is now, less than 0: there is none. */
static inline int cpc_current(cpc_image *image) {
    if (cpc_object_is_current_(&image->object)) return 0;
    const int result = cpc_reopen_(image);
    return result == 0 ? 1 : result;
}

/* `name` without a slash, as "opcua_image". When it fails for want of an image, cpc_current and cpc_wait try again. */
static inline int cpc_open(cpc_image *image, const char *name) {
    memset(image, 0, sizeof *image);
    const int result = cpc_object_init_(&image->object, name);
    return result == 0 ? cpc_reopen_(image) : result;
}

static inline bool cpc_is_open(const cpc_image *image) {
    return image->object.memory != NULL;
}

/* A field of the header; 0 when no image is open. */
static inline uint32_t cpc_header_u32_(const cpc_image *image, uint32_t offset) {
    return image->object.memory == NULL ? 0 : cpc_load_(image->object.memory + offset);
}

static inline uint64_t cpc_header_u64_(const cpc_image *image, uint32_t offset) {
    return image->object.memory == NULL ? 0 : cpc_load64_(image->object.memory + offset);
}

/* True when this image gets no further values: usually another one has taken the name. Cheaper than cpc_current, which opens that one. */
static inline bool cpc_is_retired(const cpc_image *image) {
    return cpc_header_u32_(image, 96) == 2;
}

/* True while a process writes this image: the kernel knows by the writer's lock, which goes with the process. */
static inline bool cpc_has_writer(const cpc_image *image) {
    struct flock question;
    memset(&question, 0, sizeof question);
    question.l_type = F_WRLCK;
    question.l_whence = SEEK_SET;
    if (image->object.memory == NULL || fcntl(image->object.descriptor, F_OFD_GETLK, &question) != 0) return false;
    return question.l_type == F_WRLCK; /* a read lock is anybody's */
}

/* When the writer last said that it lives. */
static inline int64_t cpc_heartbeat_ns(const cpc_image *image) {
    return (int64_t)cpc_header_u64_(image, 120);
}

static inline int64_t cpc_started_ns(const cpc_image *image) {
    return (int64_t)cpc_header_u64_(image, 112);
}

static inline uint32_t cpc_generation(const cpc_image *image) {
    return cpc_header_u32_(image, 88);
}

/* The generation since which every point has had its number: a change of the journal with a smaller one names other points. */
static inline uint32_t cpc_points_since(const cpc_image *image) {
    return cpc_header_u32_(image, 92);
}

static inline uint32_t cpc_interval_ms(const cpc_image *image) {
    return cpc_header_u32_(image, 108);
}

/* Publications of all groups and servers; wraps. */
static inline uint32_t cpc_publications(const cpc_image *image) {
    return cpc_header_u32_(image, 100);
}

/* 1 OPC UA, 2 Modbus TCP, 0 when no image is open. */
static inline uint32_t cpc_service(const cpc_image *image) {
    return cpc_header_u32_(image, 44);
}

/* What the partition of this image runs: the bit 1 << (service - 1) for each; 0 when the writer does not tell. */
static inline uint32_t cpc_services(const cpc_image *image) {
    return image->minor_version >= 3 ? cpc_header_u32_(image, 260) : 0;
}

static inline uint64_t cpc_service_counter(const cpc_image *image, int counter) {
    return counter >= 0 && counter < CPC_SERVICE_COUNTERS ? cpc_header_u64_(image, 128 + 8 * (uint32_t)counter) : 0;
}

static inline int64_t cpc_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------------------------------------------------------- sleeping */

static inline int64_t cpc_monotonic_ns_(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Sleeps until any server's poll was published since this last returned 1: then 1. 0: the time is over. What is there at the
 * first call counts as new, and so does another image. Less than 0: the system refuses to open what is there.
 */
static inline int cpc_wait(cpc_image *image, int timeout_ms) {
    /* A writer that was killed wakes nobody: look at the name again now and then. */
    const int64_t slice_ns = 200000000;
    const int64_t end_ns = cpc_monotonic_ns_() + (int64_t)timeout_ms * 1000000;
    for (;;) {
        const int state = cpc_current(image);
        if (state < 0 && state != -ENOENT && state != -EPROTO && state != -EBADMSG) return state;
        if (state >= 0) {
            const uint32_t publications = cpc_load_(image->object.memory + 100);
            if (image->is_new || publications != image->publications) {
                if (image->is_new) image->woken_for = publications - 1;
                image->is_new = false;
                image->publications = publications;
                return 1;
            }
        }
        const int64_t left_ns = end_ns - cpc_monotonic_ns_();
        if (left_ns <= 0) return 0;
        struct timespec rest;
        rest.tv_sec = 0;
        rest.tv_nsec = (long)(left_ns < slice_ns ? left_ns : slice_ns);
        if (state < 0) nanosleep(&rest, NULL);
        else if (syscall(SYS_futex, image->object.memory + 100, FUTEX_WAIT, image->publications, &rest, NULL, 0) == 0) {
            /* The writer wakes the first sleepers only; they wake the others, once for each publication: no two for ever. */
            const uint32_t publications = cpc_load_(image->object.memory + 100);
            if (publications != image->woken_for) {
                image->woken_for = publications;
                syscall(SYS_futex, image->object.memory + 100, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------- names */

static inline const char *cpc_text_(const cpc_image *image, const uint8_t *entry) {
    return (const char *)image->object.memory + cpc_u32_(entry);
}

static inline int cpc_server_at(const cpc_image *image, uint32_t index, cpc_server *server) {
    if (image->object.memory == NULL || index >= image->server_count) return -ENOENT;
    const uint8_t *entry = image->object.memory + image->server_table + (size_t)index * image->server_stride;
    server->index = index;
    server->alias = cpc_text_(image, entry);
    server->connection_key = cpc_text_(image, entry + 8);
    server->connection_description = cpc_text_(image, entry + 16);
    server->first_group = cpc_u32_(entry + 24);
    server->group_count = cpc_u32_(entry + 28);
    server->block = cpc_u32_(entry + 32);
    server->banks = cpc_u32_(entry + 36);
    server->security = cpc_u32_(entry + 40);
    return 0;
}

/* All groups of an image are numbered through; those of a server from server.first_group on. */
static inline int cpc_group_at(const cpc_image *image, uint32_t index, cpc_group *group) {
    if (image->object.memory == NULL || index >= image->group_count) return -ENOENT;
    const uint8_t *entry = image->object.memory + image->group_table + (size_t)index * image->group_stride;
    group->index = index;
    group->name = cpc_text_(image, entry);
    group->server = cpc_u32_(entry + 8);
    group->first_point = cpc_u32_(entry + 12);
    group->point_count = cpc_u32_(entry + 16);
    group->block = cpc_u32_(entry + 20);
    group->banks = cpc_u32_(entry + 24);
    group->bank_bytes = cpc_u32_(entry + 28);
    group->interval_ms = cpc_u32_(entry + 32);
    group->acquisition = cpc_u32_(entry + 36);
    return 0;
}

/* All points of an image are numbered through; those of a group from group.first_point on. */
static inline int cpc_point_at(const cpc_image *image, uint32_t index, cpc_point *point) {
    if (image->object.memory == NULL || index >= image->point_count) return -ENOENT;
    const uint8_t *entry = image->object.memory + image->point_table + (size_t)index * image->point_stride;
    cpc_group group, first;
    cpc_server server;
    point->index = index;
    point->key = cpc_text_(image, entry);
    point->description = cpc_text_(image, entry + 8);
    point->unit = cpc_text_(image, entry + 16);
    point->source = cpc_text_(image, entry + 24);
    point->type = cpc_u32_(entry + 32);
    point->group = cpc_u32_(entry + 36);
    point->capacity_bytes = cpc_u32_(entry + 40);
    point->room = cpc_u32_(entry + 44);
    point->enumeration = image->minor_version >= 2 ? cpc_text_(image, entry + 56) : "";
    point->image_id = image->id;
    if (cpc_group_at(image, point->group, &group) != 0) return -EBADMSG;
    point->position = index - group.first_point;
    if (image->minor_version >= 1) {
        point->server_position = cpc_u32_(entry + 48);
        return 0;
    }
    if (cpc_server_at(image, group.server, &server) != 0 || cpc_group_at(image, server.first_group, &first) != 0) return -EBADMSG;
    point->server_position = index - first.first_point;
    return 0;
}

static inline int cpc_find_server(const cpc_image *image, const char *alias, cpc_server *server) {
    for (uint32_t index = 0; cpc_server_at(image, index, server) == 0; index++)
        if (strcmp(server->alias, alias) == 0) return 0;
    return -ENOENT;
}

/* Walks through all points: look a point up once for each image, not for each poll. */
static inline int cpc_find_point(const cpc_image *image, const char *key, cpc_point *point) {
    for (uint32_t index = 0; cpc_point_at(image, index, point) == 0; index++)
        if (strcmp(point->key, key) == 0) return 0;
    return -ENOENT;
}

/* ------------------------------------------------------------------------------------------- counters */

static inline uint64_t cpc_server_counter(const cpc_image *image, const cpc_server *server, int counter) {
    const bool is_known = counter >= 0 && counter < CPC_SERVER_COUNTERS && image->object.memory != NULL;
    return is_known ? cpc_load64_(image->object.memory + server->block + 64 + 8 * (size_t)counter) : 0;
}

static inline uint64_t cpc_group_counter(const cpc_image *image, const cpc_group *group, int counter) {
    const bool is_known = counter >= 0 && counter < CPC_GROUP_COUNTERS && image->object.memory != NULL;
    return is_known ? cpc_load64_(image->object.memory + group->block + 64 + 8 * (size_t)counter) : 0;
}

/* How many durations fell into each element; all 0 when no image is open. */
static inline void cpc_histogram(const cpc_image *image, const cpc_group *group, int histogram, uint32_t counts[CPC_DURATIONS]) {
    const bool is_known = histogram >= 0 && histogram < CPC_HISTOGRAMS && image->object.memory != NULL;
    for (size_t n = 0; n < CPC_DURATIONS; n++)
        counts[n] = is_known ? cpc_load_(image->object.memory + group->block + 192 + 4 * ((size_t)histogram * CPC_DURATIONS + n)) : 0;
}

/* ------------------------------------------------------------------------------------------- values */

/* Copies the first bytes of the bank that a block published last. */
static inline int cpc_copy_bank_(const cpc_image *image, uint32_t block_offset, uint32_t banks, uint32_t bank_bytes, void *target,
                                 uint32_t copied_bytes, uint32_t *publication) {
    const uint8_t *block = image->object.memory + block_offset;
    *publication = 0;
    for (int attempt = 0; attempt < 100; attempt++) {
        const uint32_t published = cpc_load_(block + 4);
        memcpy(target, image->object.memory + banks + (size_t)(published & 1) * bank_bytes, copied_bytes);
        /* No byte of the copy may be read after `begun`. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        const uint32_t begun = cpc_load_(block);
        *publication = published;
        if (begun - published <= 1) return 0;
    }
    return -EAGAIN;
}

/* The connection of a server. */
static inline int cpc_server_state(const cpc_image *image, const cpc_server *server, cpc_state *state) {
    uint8_t bank[512]; /* A later minor version appends to it. */
    uint32_t published;
    if (image->object.memory == NULL) return -ENOENT;
    const int result = cpc_copy_bank_(image, server->block, server->banks, image->state_bytes, bank, sizeof bank, &published);
    if (result != 0) return result;
    const uint32_t error_bytes = cpc_u32_(bank + 4) < sizeof state->error ? cpc_u32_(bank + 4) : (uint32_t)sizeof state->error - 1;
    state->connection = cpc_u32_(bank);
    state->changed_ns = cpc_i64_(bank + 8);
    state->error_ns = cpc_i64_(bank + 16);
    state->certificate_ends_ns = cpc_i64_(bank + 24);
    state->own_certificate_ends_ns = cpc_i64_(bank + 32);
    state->request_limit = cpc_u32_(bank + 40);
    memcpy(state->error, bank + 48, error_bytes);
    state->error[error_bytes] = 0;
    return 0;
}

/* Copies the last complete poll of a group into `buffer`, which has group->bank_bytes at least. */
static inline int cpc_take(const cpc_image *image, const cpc_group *group, void *buffer, size_t buffer_bytes,
                           cpc_snapshot *snapshot) {
    memset(snapshot, 0, sizeof *snapshot);
    if (image->object.memory == NULL) return -ENOENT;
    if (buffer_bytes < group->bank_bytes) return -ENOBUFS;
    snapshot->bank = (const uint8_t *)buffer;
    snapshot->bank_bytes = group->bank_bytes;
    snapshot->poll_bytes = image->poll_bytes;
    snapshot->record_bytes = image->record_bytes;
    snapshot->point_count = group->point_count;
    snapshot->group = group->index;
    snapshot->image_id = image->id;
    return cpc_copy_bank_(image, group->block, group->banks, group->bank_bytes, buffer, group->bank_bytes, &snapshot->published);
}

static inline cpc_poll cpc_poll_of(const cpc_snapshot *snapshot) {
    const uint8_t *head = snapshot->bank;
    cpc_poll poll;
    poll.connection = cpc_u32_(head);
    poll.cycle = (uint64_t)cpc_i64_(head + 8);
    poll.requested_ns = cpc_i64_(head + 16);
    poll.published_ns = cpc_i64_(head + 24);
    poll.last_good_ns = cpc_i64_(head + 32);
    poll.duration_ns = cpc_i64_(head + 40);
    poll.journal_position = (uint64_t)cpc_i64_(head + 48);
    return poll;
}

/* Bytes of an element of a packed array, and of a scalar in the record; 0 for types of varying length. */
static inline uint32_t cpc_element_bytes_(uint8_t type) {
    static const uint8_t bytes[26] = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0};
    return type < sizeof bytes ? bytes[type] : 0;
}

/* What `at` holds of a value whose type and shape are set: a scalar, or the extent of what lies in the room. Never reads past the room. */
static inline void cpc_decode_(cpc_value *value, const uint8_t *at, const uint8_t *room, uint32_t room_bytes) {
    const uint32_t size = cpc_element_bytes_(value->type);
    value->is_null = true;
    if (value->type == CPC_NULL) return;
    if (value->shape == 0 && size != 0) {
        value->is_null = false;
        value->word = (uint64_t)cpc_i64_(at);
        return;
    }
    const uint32_t length = cpc_u32_(at);
    if (length == UINT32_MAX) return;
    value->is_null = false;
    value->bytes = room;
    value->length = length < room_bytes ? length : room_bytes;
    value->elements = cpc_u32_(at + 4);
    if (value->shape >= 2) {
        const uint32_t head = cpc_align_(4u * value->shape, 8);
        if (value->length < head) {
            value->length = 0;
        } else {
            value->dimensions = value->bytes;
            value->bytes += head;
            value->length -= head;
        }
    }
    /* An element of varying size takes 4 bytes at least. */
    const uint32_t most = value->shape == 0 ? 1 : value->length / (size != 0 ? size : 4);
    if (value->elements > most) value->elements = most;
}

/* -EINVAL: the snapshot is of another group, or of another image, than the point. */
static inline int cpc_read(const cpc_snapshot *snapshot, const cpc_point *point, cpc_value *value) {
    memset(value, 0, sizeof *value);
    value->is_null = true;
    value->status = 0x80340000u; /* BadNodeIdUnknown */
    if (point->image_id != snapshot->image_id || point->group != snapshot->group || point->position >= snapshot->point_count)
        return -EINVAL;
    const uint8_t *record =
        snapshot->bank + snapshot->poll_bytes + (size_t)point->position * snapshot->record_bytes;
    value->source_ns = cpc_i64_(record + 8);
    value->received_ns = cpc_i64_(record + 16);
    value->status = cpc_u32_(record + 24);
    value->type = record[28];
    value->shape = record[29];
    value->image_id = snapshot->image_id;
    cpc_decode_(value, record, snapshot->bank + point->room, point->capacity_bytes);
    return 0;
}

static inline uint32_t cpc_dimension(const cpc_value *value, uint8_t index) {
    return value->dimensions != NULL && index < value->shape ? cpc_u32_(value->dimensions + 4u * index) : 0;
}

/* Walks through the elements of an array or matrix, row by row. */
typedef struct {
    cpc_value array;
    uint32_t index, at;
} cpc_elements;

static inline cpc_elements cpc_each(const cpc_value *array) {
    cpc_elements elements;
    elements.array = *array;
    elements.index = elements.at = 0;
    return elements;
}

/* The next element as a value of its own; false at the end. One step takes the same time wherever it is. */
static inline bool cpc_next(cpc_elements *elements, cpc_value *element) {
    const cpc_value *array = &elements->array;
    const uint32_t size = cpc_element_bytes_(array->type);
    *element = *array;
    element->shape = 0;
    element->is_null = true;
    element->bytes = NULL;
    element->dimensions = NULL;
    element->length = element->elements = 0;
    if (array->shape == 0 || array->is_null || elements->index >= array->elements) return false;
    const uint32_t left = array->length - elements->at;
    const uint8_t *at = array->bytes + elements->at;
    if (size != 0) {
        if (left < size) return false;
        element->is_null = false;
        element->word = 0;
        memcpy(&element->word, at, size);
        /* Widened with their sign, as in a record. */
        if (array->type == CPC_SBYTE) element->word = (uint64_t)(int64_t)(int8_t)element->word;
        if (array->type == CPC_INT16) element->word = (uint64_t)(int64_t)(int16_t)element->word;
        if (array->type == CPC_INT32) element->word = (uint64_t)(int64_t)(int32_t)element->word;
        elements->at += size;
    } else {
        if (left < 4) return false;
        const uint32_t length = cpc_u32_(at);
        if (length == UINT32_MAX) {
            elements->at += 4;
        } else {
            if (length > left - 4) return false;
            element->is_null = false;
            element->length = length;
            element->elements = 1;
            element->bytes = at + 4;
            const uint32_t padded = cpc_align_(length, 4);
            elements->at += 4 + (padded < left - 4 ? padded : left - 4);
        }
    }
    elements->index++;
    return true;
}

/* One element of an array or matrix; null past the end. Of texts it walks there from the first one: use cpc_next for all of them. */
static inline cpc_value cpc_element(const cpc_value *array, uint32_t index) {
    cpc_elements elements = cpc_each(array);
    cpc_value element;
    const uint32_t size = cpc_element_bytes_(array->type);
    if (size != 0 && index < array->elements) {
        elements.index = index;
        elements.at = index * size;
    }
    do {
        if (!cpc_next(&elements, &element)) {
            element.is_null = true;
            break;
        }
    } while (elements.index <= index);
    return element;
}

static inline bool cpc_is_number_(const cpc_value *value) {
    return !value->is_null && value->shape == 0 && value->type >= CPC_SBYTE && cpc_element_bytes_(value->type) != 0;
}

static inline bool cpc_as_bool(const cpc_value *value, bool *result) {
    if (value->is_null || value->shape != 0 || value->type != CPC_BOOLEAN) return false;
    *result = value->word != 0;
    return true;
}

/* Integers, DateTime (100 ns since 1601 UTC) and StatusCode that fit; false for all others. */
static inline bool cpc_as_int64(const cpc_value *value, int64_t *result) {
    if (!cpc_is_number_(value) || value->type == CPC_FLOAT || value->type == CPC_DOUBLE) return false;
    if (value->type == CPC_UINT64 && value->word > (uint64_t)INT64_MAX) return false;
    *result = (int64_t)value->word;
    return true;
}

/* The instant of a DateTime since 1970 UTC. What lies before 1601 is 1601-01-01, what lies behind the year 9999 its last second. */
static inline bool cpc_as_time(const cpc_value *value, struct timespec *result) {
    const int64_t last = INT64_C(2650467743990000000);
    int64_t ticks;
    if (value->type != CPC_DATETIME || !cpc_as_int64(value, &ticks)) return false;
    ticks = ticks < 0 ? 0 : ticks > last ? last : ticks;
    result->tv_sec = (time_t)(ticks / 10000000 - INT64_C(11644473600));
    result->tv_nsec = (long)(ticks % 10000000 * 100);
    return true;
}

static inline bool cpc_as_uint64(const cpc_value *value, uint64_t *result) {
    if (!cpc_is_number_(value) || value->type == CPC_FLOAT || value->type == CPC_DOUBLE) return false;
    if (value->type != CPC_UINT64 && value->word > (uint64_t)INT64_MAX) return false;
    *result = value->word;
    return true;
}

/* Every number; 64-bit integers are rounded to the nearest double. */
static inline bool cpc_as_double(const cpc_value *value, double *result) {
    if (!cpc_is_number_(value)) return false;
    if (value->type == CPC_DOUBLE) {
        memcpy(result, &value->word, sizeof *result);
    } else if (value->type == CPC_FLOAT) {
        float single;
        memcpy(&single, &value->word, sizeof single);
        *result = (double)single;
    } else {
        *result = value->type == CPC_UINT64 ? (double)value->word : (double)(int64_t)value->word;
    }
    return true;
}

/*
 * The short way to a scalar number or Boolean (0 or 1) and its status: some nanoseconds. -EINVAL as in cpc_read; -EDOM when the point holds
 * something else.
 */
static inline int cpc_number(const cpc_snapshot *snapshot, const cpc_point *point, double *number, uint32_t *status) {
    if (point->image_id != snapshot->image_id || point->group != snapshot->group || point->position >= snapshot->point_count)
        return -EINVAL;
    const uint8_t *record = snapshot->bank + snapshot->poll_bytes + (size_t)point->position * snapshot->record_bytes;
    const uint8_t type = record[28];
    float single;
    *status = cpc_u32_(record + 24);
    if (record[29] != 0 || cpc_element_bytes_(type) == 0) return -EDOM;
    switch (type) {
    case CPC_DOUBLE: memcpy(number, record, sizeof *number); break;
    case CPC_FLOAT: memcpy(&single, record, sizeof single), *number = (double)single; break;
    case CPC_UINT64: *number = (double)(uint64_t)cpc_i64_(record); break;
    default: *number = (double)cpc_i64_(record);
    }
    return 0;
}

/* The bytes of a byte string, or of a text: UTF-8 without a NUL at its end. False for all others and for null. */
static inline bool cpc_as_bytes(const cpc_value *value, const uint8_t **bytes, uint32_t *length) {
    if (value->is_null || value->shape != 0 || cpc_element_bytes_(value->type) != 0) return false;
    *bytes = value->bytes;
    *length = value->length;
    return true;
}

static inline bool cpc_as_text(const cpc_value *value, const char **text, uint32_t *length) {
    const uint8_t *bytes;
    if (value->type == CPC_BYTESTRING || !cpc_as_bytes(value, &bytes, length)) return false;
    *text = (const char *)bytes;
    return true;
}

static inline bool cpc_is_good(uint32_t status) {
    return status >> 30 == 0;
}

static inline bool cpc_is_bad(uint32_t status) {
    return status >> 31 == 1;
}

/* Since the value, or the status that it has now, came to the partition. */
static inline int64_t cpc_age_ns(const cpc_value *value) {
    return (int64_t)((uint64_t)cpc_now_ns() - (uint64_t)value->received_ns);
}

/* ------------------------------------------------------------------------------------------- usable or not */

static inline bool cpc_is_older_(int64_t instant_ns, int64_t limit_ns) {
    const int64_t now = cpc_now_ns();
    /* The clock may have been set back: what comes from the future is of no known age. */
    const uint64_t distance = now < instant_ns ? (uint64_t)instant_ns - (uint64_t)now : (uint64_t)now - (uint64_t)instant_ns;
    return limit_ns < 0 || distance > (uint64_t)limit_ns;
}

/*
 * CPC_USABLE (0), or why the value is not: good statuses stay in the image when the writer is killed. Asks the kernel whether the writer lives, which
 * takes about a microsecond. `max_age_ms`: the age that the program can live with. The value has been read from a snapshot of this image.
 */
static inline int cpc_usability(const cpc_image *image, const cpc_value *value, int64_t max_age_ms, bool accept_uncertain) {
    if (image->object.memory == NULL) return CPC_NO_IMAGE;
    if (!cpc_has_writer(image)) return CPC_WRITER_DEAD;
    if (cpc_is_retired(image) || value->image_id != image->id) return CPC_RETIRED;
    const int64_t heartbeat_ms = 3 * (int64_t)cpc_interval_ms(image);
    if (cpc_is_older_(cpc_heartbeat_ns(image), (heartbeat_ms > 5000 ? heartbeat_ms : 5000) * 1000000 - 1)) return CPC_WRITER_HANGS;
    if (cpc_is_bad(value->status)) return CPC_BAD_STATUS;
    if (!cpc_is_good(value->status) && !accept_uncertain) return CPC_UNCERTAIN_STATUS;
    if (cpc_is_older_(value->received_ns, max_age_ms > INT64_MAX / 1000000 ? INT64_MAX : max_age_ms * 1000000)) return CPC_TOO_OLD;
    return CPC_USABLE;
}

static inline const char *cpc_why(int reason) {
    switch (reason) {
    case CPC_USABLE: return "usable";
    case CPC_NO_IMAGE: return "there is no image";
    case CPC_WRITER_DEAD: return "the writer is dead";
    case CPC_RETIRED: return "the image is retired";
    case CPC_WRITER_HANGS: return "the writer hangs, or the clock was set";
    case CPC_BAD_STATUS: return "its status is bad";
    case CPC_UNCERTAIN_STATUS: return "its status is uncertain";
    case CPC_TOO_OLD: return "it is too old";
    default: return "unknown reason";
    }
}

#ifdef __cplusplus
}
#endif

#endif
