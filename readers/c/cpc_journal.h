/*
 * Reads the journals of cpc-partition: every change of a value or status, in order, or how many were lost. Needs cpc_image.h beside it.
 *
 *     cpc_journal journal;
 *     cpc_change change;
 *     cpc_journal_open(&journal, "modbus_journal", false);       // false: what comes from now on
 *     while (cpc_wait(&image, 1000) >= 0)
 *         while (cpc_journal_next(&journal, buffer, sizeof buffer, &change) == 1) ...
 *     cpc_journal_close(&journal);
 *
 * Results are those of cpc_image.h.
 */
#ifndef CPC_JOURNAL_H
#define CPC_JOURNAL_H

#include "cpc_image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The fixed part of a change. */
enum { CPC_CHANGE_BYTES_ = 64 };

/* A place in a journal, and the number of the change that is expected there. */
typedef struct {
    uint64_t position, sequence;
} cpc_cursor;

typedef struct {
    cpc_object object;
    uint32_t header_bytes;
    uint64_t ring_bytes;
    cpc_cursor cursor; /* where cpc_journal_next goes on */
    bool is_following;
    bool is_new; /* not yet said by a change */
} cpc_journal;

/* One change of one point. */
typedef struct {
    uint64_t lost; /* changes that were overwritten before this one could be read */
    bool is_new_journal; /* the first of a journal that took the place of the one before: positions and numbers begin anew */
    uint64_t position, sequence;
    uint32_t point, group, generation; /* indices in an image of that generation */
    uint32_t length_bytes; /* of the record: what a buffer needs */
    int64_t published_ns; /* of the publication that shows the change, also of a status that no answer brought */
    cpc_value value;
} cpc_change;

static inline uint64_t cpc_journal_u64_(const cpc_journal *journal, uint32_t offset) {
    return cpc_load64_(journal->object.memory + offset);
}

static inline void cpc_journal_close(cpc_journal *journal) {
    cpc_object_close_(&journal->object);
    journal->is_following = false;
}

static inline int cpc_journal_reopen_(cpc_journal *journal) {
    int result = cpc_object_open_(&journal->object, 1024);
    journal->is_following = false;
    if (result != 0) return result;
    result = cpc_check_kind_(&journal->object, 0x4a435043u, 0x4e52554fu, 1);
    if (result == 0) {
        const uint64_t size = journal->object.mapped_bytes;
        journal->header_bytes = cpc_u32_(journal->object.memory + 16);
        journal->ring_bytes = cpc_journal_u64_(journal, 24);
        if (journal->header_bytes < 1024 || journal->header_bytes % 8 != 0 || journal->header_bytes > size ||
            journal->ring_bytes == 0 || journal->ring_bytes % 4096 != 0 || journal->ring_bytes > size - journal->header_bytes)
            result = -EBADMSG;
    }
    if (result != 0) cpc_object_close_(&journal->object);
    return result;
}

/* 1 OPC UA, 2 Modbus TCP, 0 when no journal is open. */
static inline uint32_t cpc_journal_service(const cpc_journal *journal) {
    return journal->object.memory == NULL ? 0 : cpc_u32_(journal->object.memory + 20);
}

static inline int64_t cpc_journal_started_ns(const cpc_journal *journal) {
    return journal->object.memory == NULL ? 0 : cpc_i64_(journal->object.memory + 32);
}

/* The length of the record at a position; 0 when the writer may have been there meanwhile, or what lies there is no record. Copies the first `bytes` of it. */
static inline uint32_t cpc_journal_copy_(const cpc_journal *journal, uint64_t position, void *target, size_t bytes) {
    const uint64_t in_ring = position % journal->ring_bytes;
    const uint8_t *at = journal->object.memory + journal->header_bytes + in_ring;
    if (position % 8 != 0) return 0;
    const uint32_t length = cpc_load_(at);
    if (length < 8 || length % 8 != 0 || length > journal->ring_bytes - in_ring) return 0;
    memcpy(target, at, length < bytes ? length : bytes);
    /* No byte of the copy may be read after `reserved`. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    const uint64_t behind = cpc_journal_u64_(journal, 56) - position;
    if (behind > journal->ring_bytes || behind < length) return 0;
    return ((uint8_t *)target)[4] == 1 && length < CPC_CHANGE_BYTES_ ? 0 : length;
}

/* Behind the last change. -EBADMSG: the journal contradicts itself. */
static inline int cpc_journal_end(const cpc_journal *journal, cpc_cursor *cursor) {
    uint8_t head[CPC_CHANGE_BYTES_];
    if (journal->object.memory == NULL) return -ENOENT;
    for (;;) {
        const uint64_t last = cpc_journal_u64_(journal, 64);
        if (last == UINT64_MAX) {
            cursor->position = cpc_journal_u64_(journal, 40);
            cursor->sequence = 0;
            return 0;
        }
        const uint32_t length = cpc_journal_copy_(journal, last, head, sizeof head);
        if (length >= sizeof head) {
            cursor->position = last + length;
            cursor->sequence = (uint64_t)cpc_i64_(head + 8) + 1;
            return 0;
        }
        /* Either the writer has gone once around the ring meanwhile, or there never was a record. */
        if (cpc_journal_u64_(journal, 64) == last) return -EBADMSG;
    }
}

/* The smallest mark that still holds; UINT64_MAX when there is none. */
static inline uint64_t cpc_journal_mark_(const cpc_journal *journal) {
    const uint64_t written = cpc_journal_u64_(journal, 48), reserved = cpc_journal_u64_(journal, 56);
    const uint64_t first = cpc_journal_u64_(journal, 40), stretch = journal->ring_bytes / 64;
    const uint64_t whole = reserved < journal->ring_bytes ? 0 : reserved - journal->ring_bytes;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t index = 0; index < 64; index++) {
        const uint64_t mark = cpc_journal_u64_(journal, 72 + 8 * index);
        if (mark < first || mark < whole || mark >= written || mark / stretch % 64 != index) continue;
        if (mark < oldest) oldest = mark;
    }
    return oldest;
}

/* At the oldest change that is still there. */
static inline int cpc_journal_oldest(const cpc_journal *journal, cpc_cursor *cursor) {
    uint8_t head[CPC_CHANGE_BYTES_];
    if (journal->object.memory == NULL) return -ENOENT;
    /* What comes while this looks on is the oldest then, and not to be passed over. */
    cursor->position = cpc_journal_u64_(journal, 40);
    cursor->sequence = 0;
    if (cpc_journal_u64_(journal, 48) == cursor->position) return 0;
    cursor->position = cpc_journal_mark_(journal);
    if (cursor->position != UINT64_MAX && cpc_journal_copy_(journal, cursor->position, head, sizeof head) >= sizeof head) {
        cursor->sequence = (uint64_t)cpc_i64_(head + 8);
        return 0;
    }
    return cpc_journal_end(journal, cursor);
}

/*
 * The next change behind the cursor, which moves: 1 there is one, 0 there is none (but `lost` may tell of some that are gone), less than 0: an error, -ENOBUFS when
 * the buffer has less than change->length_bytes. The value lies in the buffer.
 */
static inline int cpc_journal_since(const cpc_journal *journal, cpc_cursor *cursor, void *buffer, size_t buffer_bytes, cpc_change *change) {
    const uint8_t *record = (const uint8_t *)buffer;
    memset(change, 0, sizeof *change);
    if (journal->object.memory == NULL) return -ENOENT;
    if (buffer_bytes < CPC_CHANGE_BYTES_) return change->length_bytes = CPC_CHANGE_BYTES_, -ENOBUFS;
    while (cursor->position < cpc_journal_u64_(journal, 48)) {
        const uint32_t length = cpc_journal_copy_(journal, cursor->position, buffer, buffer_bytes);
        if (length == 0) {
            /* Overrun: go on at the oldest mark ahead. */
            const uint64_t mark = cpc_journal_mark_(journal);
            if (mark != UINT64_MAX && mark > cursor->position) {
                cursor->position = mark;
                continue;
            }
            cpc_cursor end;
            const int result = cpc_journal_end(journal, &end);
            if (result != 0) return result;
            change->lost = end.sequence - cursor->sequence;
            *cursor = end;
            return 0;
        }
        if (record[4] != 1) {
            cursor->position += length;
            continue;
        }
        change->length_bytes = length;
        if (length > buffer_bytes) return -ENOBUFS;
        change->position = cursor->position;
        change->sequence = (uint64_t)cpc_i64_(record + 8);
        change->lost = change->sequence - cursor->sequence;
        change->point = cpc_u32_(record + 16);
        change->group = cpc_u32_(record + 20);
        change->generation = cpc_u32_(record + 24);
        change->value.status = cpc_u32_(record + 28);
        change->value.source_ns = cpc_i64_(record + 32);
        change->value.received_ns = cpc_i64_(record + 40);
        change->value.type = record[5];
        change->value.shape = record[6];
        change->published_ns = cpc_i64_(record + 48);
        cpc_decode_(&change->value, record + 56, record + CPC_CHANGE_BYTES_, length - CPC_CHANGE_BYTES_);
        cursor->position += length;
        cursor->sequence = change->sequence + 1;
        return 1;
    }
    return 0;
}

/*
 * `name` as "opcua_journal". cpc_journal_next begins with the oldest change that is there, or behind the last one. When it fails for want of a
 * journal, cpc_journal_next tries again.
 */
static inline int cpc_journal_open(cpc_journal *journal, const char *name, bool from_oldest) {
    memset(journal, 0, sizeof *journal);
    int result = cpc_object_init_(&journal->object, name);
    if (result != 0) return result;
    result = cpc_journal_reopen_(journal);
    if (result == 0) result = from_oldest ? cpc_journal_oldest(journal, &journal->cursor) : cpc_journal_end(journal, &journal->cursor);
    journal->is_following = result == 0;
    return result;
}

/*
 * Goes on at the journal_position of a poll: the next changes are those that the snapshot does not show. -ESTALE: they have been overwritten, or the
 * position is another journal's; take another snapshot.
 */
static inline int cpc_journal_seek(cpc_journal *journal, uint64_t position) {
    uint8_t head[CPC_CHANGE_BYTES_];
    cpc_cursor end;
    int result = cpc_object_is_current_(&journal->object) ? 0 : cpc_journal_reopen_(journal);
    if (result != 0) return result;
    for (uint64_t at = position;;) {
        if (at >= cpc_journal_u64_(journal, 48)) {
            result = cpc_journal_end(journal, &end);
            if (result != 0) return result;
            if (end.position < at) return -ESTALE;
            if (end.position == at) {
                journal->cursor = end;
                break;
            }
        }
        const uint32_t length = cpc_journal_copy_(journal, at, head, sizeof head);
        if (length == 0) return -ESTALE;
        if (head[4] == 1) {
            journal->cursor.position = at;
            journal->cursor.sequence = (uint64_t)cpc_i64_(head + 8);
            break;
        }
        at += length;
    }
    journal->is_following = true;
    return 0;
}

/*
 * The next change, as cpc_journal_since, over the journals that take one another's place: one that lost its name is read to its end, then the next one
 * from its beginning. 0 also when there is no journal. Sleep with cpc_wait on the image.
 */
static inline int cpc_journal_next(cpc_journal *journal, void *buffer, size_t buffer_bytes, cpc_change *change) {
    int result = 0;
    memset(change, 0, sizeof *change);
    /* A look at the name costs two system calls: once where the journal ends, and then what was appended before the look is still read. */
    for (int looked = 0; journal->is_following && looked < 2; looked++) {
        result = cpc_journal_since(journal, &journal->cursor, buffer, buffer_bytes, change);
        change->is_new_journal = journal->is_new;
        if (result == 1) journal->is_new = false;
        if (result != 0 || change->lost != 0 || (looked == 0 && cpc_object_is_current_(&journal->object))) return result;
    }
    result = cpc_journal_reopen_(journal);
    if (result == -ENOENT || result == -EPROTO || result == -EBADMSG) return 0;
    if (result == 0) result = cpc_journal_oldest(journal, &journal->cursor);
    if (result != 0) return result;
    journal->is_following = journal->is_new = true;
    /* A journal counts from 0: what came before its oldest change is lost. */
    journal->cursor.sequence = 0;
    result = cpc_journal_since(journal, &journal->cursor, buffer, buffer_bytes, change);
    change->is_new_journal = true;
    if (result == 1) journal->is_new = false;
    return result;
}

#ifdef __cplusplus
}
#endif

#endif
