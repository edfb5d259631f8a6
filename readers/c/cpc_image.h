/*
 * Reads the process images of cpc-partition: values of a plant in shared memory, without a lock and without a way back.
 * One header for C11 and C++11, Linux, 64 bits, little-endian, gcc or clang. docs/process-image.md says what every field means.
 *
 *     cpc_image image;
 *     cpc_open(&image, "modbus_image");            // no image yet is no failure: cpc_wait finds it
 *     while (cpc_wait(&image, 1000) >= 0) {        // 1: something was published, 0: time is over
 *         cpc_point point;
 *         if (cpc_find_point(&image, "pump: pressure", &point) != 0) continue;
 *         cpc_server server;
 *         cpc_snapshot poll;
 *         cpc_server_at(&image, point.server, &server);
 *         if (cpc_take(&image, &server, buffer, sizeof buffer, &poll) != 0) continue;
 *         cpc_value value = cpc_read(&poll, &point);
 *         double pressure;
 *         if (cpc_is_good(value.status) && cpc_as_double(&value, &pressure)) ...
 *     }
 *     cpc_close(&image);
 *
 * Functions return 0 or more when all is well, and an errno, negated, when not:
 *   -ENOENT    no such image, server or point (yet)
 *   -EPROTO    what has the name is no image, or one of another major version
 *   -EBADMSG   the image contradicts itself
 *   -ENOBUFS   the buffer is smaller than server.bank_bytes
 *   -EAGAIN    the writer overtook every attempt to copy; try again
 *   and what the system says (-EACCES: this user may not read it).
 *
 * cpc_server and cpc_point are valid until cpc_current or cpc_wait returns 1 or less than 0, and until cpc_close: then another image may
 * be open. Snapshots and the values read from them lie in the caller's buffer and stay, but for the texts of a cpc_point.
 * One cpc_image for each thread.
 */
#ifndef CPC_IMAGE_H
#define CPC_IMAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall(2) and F_OFD_GETLK; include this header first, or compile with -D_GNU_SOURCE */
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
#error "process images are read on 64-bit little-endian machines"
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

typedef struct {
    char path[280];
    int descriptor;
    const uint8_t *memory; /* NULL: no image is open */
    size_t mapped_bytes;
    ino_t inode;
    dev_t device;
    uint32_t image_bytes, server_count, server_table, server_stride, point_count, point_table, point_stride;
    uint32_t banks_offset, poll_bytes, record_bytes;
    bool is_new; /* not yet reported by cpc_wait */
    uint32_t publications;
    uint32_t woken_for; /* the publication that the other sleepers were woken for last */
} cpc_image;

typedef struct {
    const char *alias, *connection_key, *connection_description;
    uint32_t index, first_point, point_count, interval_ms, bank_bytes;
    uint32_t block; /* where it is, for cpc_take */
} cpc_server;

typedef struct {
    const char *key, *description, *unit;
    uint32_t type;     /* as configured or learned; a value has its own */
    uint32_t server;   /* index of its server */
    uint32_t position; /* among the points of its server */
    uint32_t room, capacity_bytes;
} cpc_point;

/* One poll of one server, in the caller's buffer. */
typedef struct {
    const uint8_t *bank;
    uint32_t bank_bytes, poll_bytes, record_bytes, point_count;
    uint32_t published;
} cpc_snapshot;

/* The source of the values. Instants are nanoseconds since 1970 UTC, 0 for none. */
typedef struct {
    uint32_t connection;
    uint64_t cycle;
    int64_t published_ns, last_good_ns, duration_ns, certificate_ends_ns, error_ns;
    const char *error; /* the last failure, error_bytes of UTF-8 without a NUL */
    uint32_t error_bytes;
} cpc_source;

typedef struct {
    uint32_t status; /* OPC UA status code; 0 is Good */
    int64_t source_ns, received_ns;
    uint8_t type, shape; /* shape: 0 scalar, 1 array, n > 1: matrix of n dimensions */
    bool is_null;
    uint64_t word;        /* of a scalar that has at most 64 bits */
    const uint8_t *bytes; /* of text, byte string, array: `length` bytes (elements only) */
    uint32_t length, elements;
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

/* NULL unless the text with the NUL behind it lies in the image. */
static inline const char *cpc_text_(const cpc_image *image, const uint8_t *entry) {
    const uint64_t end = (uint64_t)cpc_u32_(entry) + cpc_u32_(entry + 4);
    return end < image->image_bytes && image->memory[end] == 0 ? (const char *)image->memory + cpc_u32_(entry) : NULL;
}

/* ------------------------------------------------------------------------------------------- opening */

static inline void cpc_close(cpc_image *image) {
    if (image->memory != NULL) munmap((void *)(uintptr_t)image->memory, image->mapped_bytes);
    if (image->descriptor >= 0) close(image->descriptor);
    image->memory = NULL;
    image->descriptor = -1;
}

static inline int cpc_check_header_(cpc_image *image) {
    const uint8_t *head = image->memory;
    if (cpc_load_(head) != 0x49435043u || cpc_load_(head + 4) != 0x4547414du || cpc_load_(head + 8) >> 16 != 1)
        return -EPROTO;
    image->image_bytes = cpc_u32_(head + 16);
    image->server_count = cpc_u32_(head + 20);
    image->server_table = cpc_u32_(head + 24);
    image->point_count = cpc_u32_(head + 28);
    image->point_table = cpc_u32_(head + 32);
    image->server_stride = cpc_u32_(head + 144);
    image->point_stride = cpc_u32_(head + 148);
    image->banks_offset = cpc_u32_(head + 152);
    image->poll_bytes = cpc_u32_(head + 156);
    image->record_bytes = cpc_u32_(head + 160);
    const bool fits =
        image->image_bytes <= image->mapped_bytes &&
        image->server_table + (uint64_t)image->server_count * image->server_stride <= image->image_bytes &&
        image->point_table + (uint64_t)image->point_count * image->point_stride <= image->image_bytes;
    const bool is_wide_enough = image->server_stride >= 48 && image->point_stride >= 40 && image->banks_offset >= 8 &&
                                image->poll_bytes >= 512 && image->record_bytes >= 32;
    return fits && is_wide_enough ? 0 : -EBADMSG;
}

static inline int cpc_reopen_(cpc_image *image) {
    struct stat state;
    void *memory;
    int result = 0;
    cpc_close(image);
    image->descriptor = open(image->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (image->descriptor < 0) return -errno;
    if (fstat(image->descriptor, &state) != 0) result = -errno;
    else if (!S_ISREG(state.st_mode) || state.st_size < 192) result = -EPROTO;
    if (result == 0) {
        memory = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, image->descriptor, 0);
        if (memory == MAP_FAILED) {
            result = -errno;
        } else {
            image->memory = (const uint8_t *)memory;
            image->mapped_bytes = (size_t)state.st_size;
            image->inode = state.st_ino;
            image->device = state.st_dev;
            image->is_new = true;
            result = cpc_check_header_(image);
        }
    }
    if (result != 0) cpc_close(image);
    return result;
}

/* True when another image has taken the name: cheaper than cpc_current, which opens it. */
static inline bool cpc_is_retired(const cpc_image *image) {
    return image->memory != NULL && cpc_load_(image->memory + 52) == 2;
}

/* Makes sure that the image which the name leads to is open: 0 it was, 1 it is now, less than 0: there is none. */
static inline int cpc_current(cpc_image *image) {
    struct stat state;
    int result;
    if (image->memory != NULL && lstat(image->path, &state) == 0 && state.st_ino == image->inode &&
        state.st_dev == image->device)
        return 0;
    result = cpc_reopen_(image);
    return result == 0 ? 1 : result;
}

/* `name` without a slash, as "opcua_image". When it fails for want of an image, cpc_current and cpc_wait try again. */
static inline int cpc_open(cpc_image *image, const char *name) {
    memset(image, 0, sizeof *image);
    image->descriptor = -1;
    if (strchr(name, '/') != NULL || strlen(name) > 255) return -EINVAL;
    snprintf(image->path, sizeof image->path, "/dev/shm/%s", name);
    return cpc_reopen_(image);
}

/* True while a process writes this image: the kernel knows by the writer's lock, which goes with the process. */
static inline bool cpc_has_writer(const cpc_image *image) {
    struct flock question;
    memset(&question, 0, sizeof question);
    question.l_type = F_WRLCK;
    question.l_whence = SEEK_SET;
    return image->memory != NULL && fcntl(image->descriptor, F_OFD_GETLK, &question) == 0 && question.l_type != F_UNLCK;
}

/* When the writer last said that it lives; 0 when no image is open. */
static inline int64_t cpc_heartbeat_ns(const cpc_image *image) {
    if (image->memory == NULL) return 0;
    return __atomic_load_n((const int64_t *)(const void *)(image->memory + 72), __ATOMIC_ACQUIRE);
}

static inline uint32_t cpc_generation(const cpc_image *image) {
    return image->memory == NULL ? 0 : cpc_u32_(image->memory + 48);
}

/* 1 OPC UA, 2 Modbus TCP, 0 when no image is open. */
static inline uint32_t cpc_service(const cpc_image *image) {
    return image->memory == NULL ? 0 : cpc_u32_(image->memory + 44);
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
            const uint32_t publications = cpc_load_(image->memory + 164);
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
        else if (syscall(SYS_futex, image->memory + 164, FUTEX_WAIT, image->publications, &rest, NULL, 0) == 0) {
            /* The writer wakes the first sleepers only; they wake the others, once for each publication: no two for ever. */
            const uint32_t publications = cpc_load_(image->memory + 164);
            if (publications != image->woken_for) {
                image->woken_for = publications;
                syscall(SYS_futex, image->memory + 164, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------- names */

static inline int cpc_server_at(const cpc_image *image, uint32_t index, cpc_server *server) {
    if (image->memory == NULL || index >= image->server_count) return -ENOENT;
    const uint8_t *entry = image->memory + image->server_table + (size_t)index * image->server_stride;
    server->index = index;
    server->alias = cpc_text_(image, entry);
    server->connection_key = cpc_text_(image, entry + 8);
    server->connection_description = cpc_text_(image, entry + 16);
    server->first_point = cpc_u32_(entry + 24);
    server->point_count = cpc_u32_(entry + 28);
    server->block = cpc_u32_(entry + 32);
    server->bank_bytes = cpc_u32_(entry + 36);
    server->interval_ms = cpc_u32_(entry + 40);
    const bool fits =
        server->alias != NULL && server->connection_key != NULL && server->connection_description != NULL &&
        (uint64_t)server->first_point + server->point_count <= image->point_count && server->block % 64 == 0 &&
        server->block + (uint64_t)image->banks_offset + 2 * (uint64_t)server->bank_bytes <= image->image_bytes &&
        image->poll_bytes + (uint64_t)server->point_count * image->record_bytes <= server->bank_bytes;
    return fits ? 0 : -EBADMSG;
}

/* All points of an image are numbered through; those of a server from server.first_point on. */
static inline int cpc_point_at(const cpc_image *image, uint32_t index, cpc_point *point) {
    if (image->memory == NULL || index >= image->point_count) return -ENOENT;
    const uint8_t *entry = image->memory + image->point_table + (size_t)index * image->point_stride;
    cpc_server server;
    point->key = cpc_text_(image, entry);
    point->description = cpc_text_(image, entry + 8);
    point->unit = cpc_text_(image, entry + 16);
    point->type = cpc_u32_(entry + 24);
    point->capacity_bytes = cpc_u32_(entry + 28);
    point->room = cpc_u32_(entry + 32);
    point->server = cpc_u32_(entry + 36);
    if (cpc_server_at(image, point->server, &server) != 0) return -EBADMSG;
    point->position = index - server.first_point;
    const bool fits = point->key != NULL && point->description != NULL && point->unit != NULL &&
                      index >= server.first_point && point->position < server.point_count &&
                      (uint64_t)point->room + point->capacity_bytes <= server.bank_bytes;
    return fits ? 0 : -EBADMSG;
}

static inline int cpc_find_server(const cpc_image *image, const char *alias, cpc_server *server) {
    int result = image->memory == NULL ? -ENOENT : 0;
    for (uint32_t index = 0; result == 0; index++) {
        result = cpc_server_at(image, index, server);
        if (result == 0 && strcmp(server->alias, alias) == 0) return 0;
    }
    return result;
}

/* Walks through all points: look a point up once for each image, not for each poll. */
static inline int cpc_find_point(const cpc_image *image, const char *key, cpc_point *point) {
    int result = image->memory == NULL ? -ENOENT : 0;
    for (uint32_t index = 0; result == 0; index++) {
        result = cpc_point_at(image, index, point);
        if (result == 0 && strcmp(point->key, key) == 0) return 0;
    }
    return result;
}

/* ------------------------------------------------------------------------------------------- values */

/* Copies the last complete poll of a server into `buffer`, which has server->bank_bytes at least. */
static inline int cpc_take(const cpc_image *image, const cpc_server *server, void *buffer, size_t buffer_bytes,
                           cpc_snapshot *snapshot) {
    if (image->memory == NULL) return -ENOENT;
    if (buffer_bytes < server->bank_bytes) return -ENOBUFS;
    const uint8_t *block = image->memory + server->block;
    for (int attempt = 0; attempt < 100; attempt++) {
        const uint32_t published = cpc_load_(block + 4);
        memcpy(buffer, block + image->banks_offset + (size_t)(published & 1) * server->bank_bytes, server->bank_bytes);
        /* No byte of the copy may be read after `begun`. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        const uint32_t begun = cpc_load_(block);
        if (begun - published <= 1) {
            snapshot->bank = (const uint8_t *)buffer;
            snapshot->bank_bytes = server->bank_bytes;
            snapshot->poll_bytes = image->poll_bytes;
            snapshot->record_bytes = image->record_bytes;
            snapshot->point_count = server->point_count;
            snapshot->published = published;
            return 0;
        }
    }
    return -EAGAIN;
}

static inline cpc_source cpc_source_of(const cpc_snapshot *snapshot) {
    const uint8_t *poll = snapshot->bank;
    cpc_source source;
    source.connection = cpc_u32_(poll);
    source.error_bytes = cpc_u32_(poll + 4);
    if (source.error_bytes > 448) source.error_bytes = 448;
    source.cycle = (uint64_t)cpc_i64_(poll + 8);
    source.published_ns = cpc_i64_(poll + 16);
    source.last_good_ns = cpc_i64_(poll + 24);
    source.duration_ns = cpc_i64_(poll + 32);
    source.certificate_ends_ns = cpc_i64_(poll + 40);
    source.error_ns = cpc_i64_(poll + 48);
    source.error = (const char *)poll + 64;
    return source;
}

/* Bytes of an element of a packed array, and of a scalar in the record; 0 for types of varying length. */
static inline uint32_t cpc_element_bytes_(uint8_t type) {
    static const uint8_t bytes[26] = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0};
    return type < sizeof bytes ? bytes[type] : 0;
}

static inline cpc_value cpc_read(const cpc_snapshot *snapshot, const cpc_point *point) {
    cpc_value value;
    memset(&value, 0, sizeof value);
    value.is_null = true;
    if (point->position >= snapshot->point_count) {
        value.status = 0x80340000u; /* BadNodeIdUnknown: the point is of another server */
        return value;
    }
    const uint8_t *record =
        snapshot->bank + snapshot->poll_bytes + (size_t)point->position * snapshot->record_bytes;
    value.source_ns = cpc_i64_(record + 8);
    value.received_ns = cpc_i64_(record + 16);
    value.status = cpc_u32_(record + 24);
    value.type = record[28];
    value.shape = record[29];
    if (value.type == CPC_NULL) return value;
    if (value.shape == 0 && cpc_element_bytes_(value.type) != 0) {
        value.is_null = false;
        value.word = (uint64_t)cpc_i64_(record);
        return value;
    }
    const uint32_t length = cpc_u32_(record);
    if (length == UINT32_MAX || (uint64_t)point->room + point->capacity_bytes > snapshot->bank_bytes) return value;
    value.is_null = false;
    value.bytes = snapshot->bank + point->room;
    value.length = length < point->capacity_bytes ? length : point->capacity_bytes;
    value.elements = cpc_u32_(record + 4);
    if (value.shape >= 2) {
        const uint32_t head = cpc_align_(4u * value.shape, 8);
        if (value.length < head) {
            value.length = value.elements = 0;
        } else {
            value.dimensions = value.bytes;
            value.bytes += head;
            value.length -= head;
        }
    }
    return value;
}

static inline uint32_t cpc_dimension(const cpc_value *value, uint8_t index) {
    return value->dimensions != NULL && index < value->shape ? cpc_u32_(value->dimensions + 4u * index) : 0;
}

/* One element of an array or matrix (row by row) as a value of its own; null past the end. Of texts it walks there from the first one. */
static inline cpc_value cpc_element(const cpc_value *array, uint32_t index) {
    const uint32_t size = cpc_element_bytes_(array->type);
    cpc_value element = *array;
    element.shape = 0;
    element.is_null = true;
    element.bytes = NULL;
    element.dimensions = NULL;
    element.length = element.elements = 0;
    if (array->shape == 0 || array->is_null || index >= array->elements) return element;
    if (size != 0) {
        const uint8_t *at = array->bytes + (size_t)index * size;
        if ((uint64_t)(index + (uint64_t)1) * size > array->length) return element;
        element.is_null = false;
        memcpy(&element.word, at, size);
        /* Widened with their sign, as in a record. */
        if (array->type == CPC_SBYTE) element.word = (uint64_t)(int64_t)(int8_t)element.word;
        if (array->type == CPC_INT16) element.word = (uint64_t)(int64_t)(int16_t)element.word;
        if (array->type == CPC_INT32) element.word = (uint64_t)(int64_t)(int32_t)element.word;
        return element;
    }
    uint64_t at = 0;
    for (uint32_t n = 0; at + 4 <= array->length; n++) {
        const uint32_t length = cpc_u32_(array->bytes + at);
        const uint64_t next = at + 4 + (length == UINT32_MAX ? 0 : ((uint64_t)length + 3) / 4 * 4);
        if (next > array->length) break;
        if (n == index) {
            element.is_null = length == UINT32_MAX;
            element.length = element.is_null ? 0 : length;
            element.bytes = element.is_null ? NULL : array->bytes + at + 4;
            break;
        }
        at = next;
    }
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
 * The short way to a scalar number or Boolean (0 or 1) and its status: some nanoseconds. False when the point holds something else.
 * `position` as in cpc_point.
 */
static inline bool cpc_number(const cpc_snapshot *snapshot, uint32_t position, double *number, uint32_t *status) {
    if (position >= snapshot->point_count) return false;
    const uint8_t *record = snapshot->bank + snapshot->poll_bytes + (size_t)position * snapshot->record_bytes;
    const uint8_t type = record[28];
    float single;
    *status = cpc_u32_(record + 24);
    if (record[29] != 0 || cpc_element_bytes_(type) == 0) return false;
    switch (type) {
    case CPC_DOUBLE: memcpy(number, record, sizeof *number); break;
    case CPC_FLOAT: memcpy(&single, record, sizeof single), *number = (double)single; break;
    case CPC_UINT64: *number = (double)(uint64_t)cpc_i64_(record); break;
    default: *number = (double)cpc_i64_(record);
    }
    return true;
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
    return cpc_now_ns() - value->received_ns;
}

#ifdef __cplusplus
}
#endif

#endif
