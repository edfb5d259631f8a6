/* A reader in a process of its own; agent.ts says what it is told and what it answers. */

#include "cpc_journal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static uint8_t buffer[1 << 20];

static void print_text(const char *text, size_t length) {
    printf("\"");
    for (size_t n = 0; n < length; n++) {
        const unsigned char byte = (unsigned char)text[n];
        if (byte < 0x20 || byte == '"' || byte == '\\') printf("\\u%04x", byte);
        else putchar(byte);
    }
    printf("\"");
}

static void print_number(double number) {
    if (number != number) printf("\"NaN\"");
    else if (isinf(number)) printf(number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else if (number == 0 && signbit(number)) printf("\"-0\"");
    else printf("%.17g", number);
}

static void print_value(const cpc_value *value) {
    bool truth;
    int64_t integer;
    uint64_t natural;
    double number;
    const uint8_t *bytes;
    const char *text;
    uint32_t length;
    const bool is_long = value->type == CPC_INT64 || value->type == CPC_UINT64 || value->type == CPC_DATETIME;
    const char *quote = is_long ? "\"" : "";
    if (value->is_null) {
        printf("null");
    } else if (cpc_as_bool(value, &truth)) {
        printf("%s", truth ? "true" : "false");
    } else if (cpc_as_int64(value, &integer)) {
        printf("%s%" PRId64 "%s", quote, integer, quote);
    } else if (cpc_as_uint64(value, &natural)) {
        printf("%s%" PRIu64 "%s", quote, natural, quote);
    } else if (cpc_as_double(value, &number)) {
        print_number(number);
    } else if (cpc_as_text(value, &text, &length)) {
        print_text(text, length);
    } else if (cpc_as_bytes(value, &bytes, &length)) {
        printf("\"");
        for (uint32_t n = 0; n < length; n++) printf("%02x", bytes[n]);
        printf("\"");
    } else {
        cpc_elements elements = cpc_each(value);
        cpc_value element;
        printf("[");
        while (cpc_next(&elements, &element)) {
            const uint32_t index = elements.index - 1;
            const cpc_value same = cpc_element(value, index);
            if (memcmp(&same.word, &element.word, sizeof same.word) != 0 || same.bytes != element.bytes || same.length != element.length)
                printf("\"cpc_element differs\"");
            if (index > 0) printf(",");
            print_value(&element);
        }
        printf("]");
    }
}

static void print_reading(const cpc_value *value) {
    printf("\"status\":%" PRIu32 ",\"sourceNs\":\"%" PRId64 "\",\"receivedNs\":\"%" PRId64 "\"", value->status, value->source_ns, value->received_ns);
    printf(",\"type\":%d,\"value\":", value->type);
    print_value(value);
    if (value->dimensions == NULL) return;
    printf(",\"dimensions\":");
    for (uint8_t n = 0; n < value->shape; n++) printf("%c%" PRIu32, n == 0 ? '[' : ',', cpc_dimension(value, n));
    printf("]");
}

static bool is_short_way_same(const cpc_snapshot *poll, const cpc_value *value, const cpc_point *point) {
    double number, same;
    bool truth;
    uint32_t status;
    const bool is_number = cpc_number(poll, point, &number, &status) == 0;
    if (cpc_as_bool(value, &truth)) return is_number && number == (truth ? 1 : 0) && status == value->status;
    if (!cpc_as_double(value, &same)) return !is_number;
    return is_number && memcmp(&number, &same, sizeof same) == 0 && status == value->status;
}

static void print_texts(const char *const *names, const char *const *texts, int count) {
    for (int n = 0; n < count; n++) {
        printf("\"%s\":", names[n]);
        print_text(texts[n], strlen(texts[n]));
        printf(",");
    }
}

static void print_point(const cpc_image *image, const cpc_snapshot *poll, uint32_t index) {
    static const char *const names[] = {"key", "description", "unit", "source", "enumeration"};
    cpc_point point, same;
    cpc_value value;
    if (cpc_point_at(image, index, &point) != 0 || cpc_find_point(image, point.key, &same) != 0 || same.index != index ||
        cpc_read(poll, &point, &value) != 0) {
        printf("\"point %" PRIu32 " is not there\"", index);
        return;
    }
    const char *const texts[] = {point.key, point.description, point.unit, point.source, point.enumeration};
    printf("{");
    print_texts(names, texts, 5);
    printf("\"type\":%" PRIu32 ",\"serverPosition\":%" PRIu32 ",\"reading\":{", point.type, point.server_position);
    print_reading(&value);
    printf(is_short_way_same(poll, &value, &point) ? "}}" : "},\"cpc_number\":\"differs\"}");
}

static void print_group(const cpc_image *image, const cpc_group *group) {
    static const char *const names[] = {"pollDuration", "sourceToReceived", "receivedToPublished"};
    uint32_t counts[CPC_DURATIONS];
    cpc_snapshot poll;
    printf("{\"name\":");
    print_text(group->name, strlen(group->name));
    printf(",\"intervalMs\":%" PRIu32 ",\"firstPoint\":%" PRIu32 ",\"counters\":", group->interval_ms, group->first_point);
    for (int n = 0; n < CPC_GROUP_COUNTERS; n++) printf("%c\"%" PRIu64 "\"", n == 0 ? '[' : ',', cpc_group_counter(image, group, n));
    printf("],\"histograms\":{");
    for (int n = 0; n < CPC_HISTOGRAMS; n++) {
        bool is_first = true;
        printf("%s\"%s\":[", n == 0 ? "" : ",", names[n]);
        cpc_histogram(image, group, n, counts);
        for (uint32_t element = 0; element < CPC_DURATIONS; element++) {
            if (counts[element] == 0) continue;
            printf("%s[%" PRIu32 ",%" PRIu32 "]", is_first ? "" : ",", element, counts[element]);
            is_first = false;
        }
        printf("]");
    }
    const int result = cpc_take(image, group, buffer, sizeof buffer, &poll);
    printf("},\"published\":%" PRIu32 ",\"poll\":", poll.published);
    if (result != 0) {
        printf("{\"overtaken\":true}}");
        return;
    }
    const cpc_poll head = cpc_poll_of(&poll);
    printf("{\"connection\":%" PRIu32 ",\"cycle\":\"%" PRIu64 "\",\"requestedNs\":\"%" PRId64 "\"", head.connection, head.cycle, head.requested_ns);
    printf(",\"publishedNs\":\"%" PRId64 "\",\"lastGoodNs\":\"%" PRId64 "\"", head.published_ns, head.last_good_ns);
    printf(",\"durationNs\":\"%" PRId64 "\",\"journalPosition\":\"%" PRIu64 "\",\"points\":[", head.duration_ns, head.journal_position);
    for (uint32_t n = 0; n < group->point_count; n++) {
        if (n > 0) printf(",");
        print_point(image, &poll, group->first_point + n);
    }
    printf("]}}");
}

static void print_server(const cpc_image *image, const cpc_server *server) {
    static const char *const names[] = {"alias", "connectionKey", "connectionDescription"};
    const char *const texts[] = {server->alias, server->connection_key, server->connection_description};
    cpc_state state;
    cpc_group group;
    printf("{");
    print_texts(names, texts, 3);
    printf("\"security\":%" PRIu32 ",\"counters\":", server->security);
    for (int n = 0; n < CPC_SERVER_COUNTERS; n++) printf("%c\"%" PRIu64 "\"", n == 0 ? '[' : ',', cpc_server_counter(image, server, n));
    printf("],\"state\":");
    if (cpc_server_state(image, server, &state) != 0) {
        printf("{\"overtaken\":true}");
    } else {
        printf("{\"connection\":%" PRIu32 ",\"changedNs\":\"%" PRId64 "\",\"error\":", state.connection, state.changed_ns);
        print_text(state.error, strlen(state.error));
        printf(",\"errorNs\":\"%" PRId64 "\",\"certificateEndsNs\":\"%" PRId64 "\"", state.error_ns, state.certificate_ends_ns);
        printf(",\"ownCertificateEndsNs\":\"%" PRId64 "\",\"requestLimit\":%" PRIu32 "}", state.own_certificate_ends_ns, state.request_limit);
    }
    printf(",\"groups\":[");
    for (uint32_t n = 0; n < server->group_count; n++) {
        if (n > 0) printf(",");
        if (cpc_group_at(image, server->first_group + n, &group) == 0) print_group(image, &group);
    }
    printf("]}");
}

static const char *service_name(uint32_t service) {
    return service == 1 ? "opcua" : "modbus";
}

static void dump(cpc_image *image) {
    cpc_server server;
    if (cpc_current(image) < 0) {
        printf("none\n");
        return;
    }
    printf("{\"service\":\"%s\",\"generation\":%" PRIu32 ",\"pointsSince\":%" PRIu32, service_name(cpc_service(image)), cpc_generation(image), cpc_points_since(image));
    printf(",\"isRetired\":%s,\"publications\":%" PRIu32, cpc_is_retired(image) ? "true" : "false", cpc_publications(image));
    printf(",\"intervalMs\":%" PRIu32 ",\"startedNs\":\"%" PRId64 "\"", cpc_interval_ms(image), cpc_started_ns(image));
    printf(",\"heartbeatNs\":\"%" PRId64 "\",\"services\":%" PRIu32 ",\"counters\":", cpc_heartbeat_ns(image), cpc_services(image));
    for (int n = 0; n < CPC_SERVICE_COUNTERS; n++) printf("%c\"%" PRIu64 "\"", n == 0 ? '[' : ',', cpc_service_counter(image, n));
    printf("],\"servers\":[");
    for (uint32_t index = 0; cpc_server_at(image, index, &server) == 0; index++) {
        if (index > 0) printf(",");
        print_server(image, &server);
    }
    printf("]}\n");
}

static void take(cpc_image *image) {
    cpc_group group;
    cpc_snapshot poll;
    int result = cpc_current(image) < 0 ? -ENOENT : cpc_group_at(image, 0, &group);
    if (result == 0) result = cpc_take(image, &group, buffer, sizeof buffer, &poll);
    if (result == 0) printf("ok %" PRIu32 "\n", poll.published);
    else printf("%s\n", result == -EAGAIN ? "lapped" : "none");
}

/* Takes the poll of group 0 and keeps it: `usable` judges its first value later. */
static cpc_value kept;

static void keep(cpc_image *image) {
    cpc_group group;
    cpc_point point;
    cpc_snapshot poll;
    int result = cpc_current(image) < 0 ? -ENOENT : cpc_group_at(image, 0, &group);
    if (result == 0) result = cpc_take(image, &group, buffer, sizeof buffer, &poll);
    if (result == 0) result = cpc_point_at(image, group.first_point, &point);
    if (result == 0) result = cpc_read(&poll, &point, &kept);
    printf(result == 0 ? "kept\n" : "none\n");
}

static void usable(cpc_image *image, long max_age_ms, bool accept_uncertain) {
    static const char *const names[] = {"usable", "noImage", "writerDead", "retired", "writerHangs", "badStatus", "uncertainStatus", "tooOld"};
    cpc_current(image);
    printf("%s\n", names[cpc_usability(image, &kept, max_age_ms, accept_uncertain)]);
}

/* Reads a point of the last group from a poll of the first one. */
static void foreign(cpc_image *image) {
    cpc_group group;
    cpc_point point;
    cpc_snapshot poll;
    cpc_value value;
    double number;
    uint32_t status;
    if (cpc_current(image) < 0 || cpc_group_at(image, 0, &group) != 0 || cpc_take(image, &group, buffer, sizeof buffer, &poll) != 0 ||
        cpc_point_at(image, image->point_count - 1, &point) != 0) return;
    const bool is_refused = cpc_read(&poll, &point, &value) == -EINVAL && cpc_number(&poll, &point, &number, &status) == -EINVAL;
    printf(is_refused && value.is_null && cpc_is_bad(value.status) ? "refused\n" : "read\n");
}

static void print_cursor(const char *name, const cpc_cursor *cursor) {
    printf("\"%s\":{\"position\":\"%" PRIu64 "\",\"sequence\":\"%" PRIu64 "\"}", name, cursor->position, cursor->sequence);
}

static void print_change(const cpc_change *change) {
    printf("{\"position\":\"%" PRIu64 "\",\"sequence\":\"%" PRIu64 "\"", change->position, change->sequence);
    printf(",\"point\":%" PRIu32 ",\"group\":%" PRIu32 ",\"generation\":%" PRIu32 ",\"publishedNs\":\"%" PRId64 "\",", change->point, change->group, change->generation,
           change->published_ns);
    print_reading(&change->value);
    printf("}");
}

/* All since a cursor. */
static void journal_since(const char *name, uint64_t position, uint64_t sequence) {
    cpc_journal journal;
    cpc_change change;
    cpc_cursor end, oldest, cursor;
    uint64_t lost = 0;
    int result = cpc_journal_open(&journal, name, false);
    if (result == 0) result = cpc_journal_end(&journal, &end);
    if (result == 0) result = cpc_journal_oldest(&journal, &oldest);
    if (result != 0) {
        printf("none\n");
        cpc_journal_close(&journal);
        return;
    }
    printf("{\"service\":\"%s\",\"startedNs\":\"%" PRId64 "\",", service_name(cpc_journal_service(&journal)), cpc_journal_started_ns(&journal));
    print_cursor("end", &end);
    printf(",");
    print_cursor("oldest", &oldest);
    printf(",\"changes\":[");
    cursor.position = position;
    cursor.sequence = sequence;
    for (bool is_first = true; (result = cpc_journal_since(&journal, &cursor, buffer, sizeof buffer, &change)) == 1; is_first = false) {
        lost += change.lost;
        if (!is_first) printf(",");
        print_change(&change);
    }
    printf("],\"lost\":\"%" PRIu64 "\",", lost + change.lost);
    print_cursor("cursor", &cursor);
    printf(result == 0 ? "}\n" : ",\"failed\":true}\n");
    cpc_journal_close(&journal);
}

/* All that is new, of a journal that is followed. */
static void next(cpc_journal *journal) {
    cpc_change change;
    uint64_t lost = 0;
    bool is_new = false;
    int result;
    printf("{\"points\":[");
    for (bool is_first = true; (result = cpc_journal_next(journal, buffer, sizeof buffer, &change)) == 1; is_first = false) {
        lost += change.lost;
        is_new = is_new || change.is_new_journal;
        printf("%s%" PRIu32, is_first ? "" : ",", change.point);
    }
    printf("],\"lost\":\"%" PRIu64 "\",\"isNewJournal\":%s}\n", lost + change.lost, is_new || change.is_new_journal ? "true" : "false");
}

/* Of the journal that is followed, as journal-pattern-writer.ts makes them. */
static void changes(cpc_journal *journal, long most) {
    static uint64_t expected = 0;
    long read = 0, torn = 0, unsaid = 0;
    uint64_t lost = 0;
    while (read < most) {
        cpc_change change;
        const int result = cpc_journal_next(journal, buffer, sizeof buffer, &change);
        lost += change.lost;
        expected += change.lost;
        if (result != 1) break;
        const uint32_t word = (uint32_t)change.sequence;
        bool is_whole = change.point == word && change.value.length == 4 * (word % 8);
        for (uint32_t at = 0; is_whole && at < change.value.length; at += 4) is_whole = memcmp(change.value.bytes + at, &word, sizeof word) == 0;
        if (change.sequence != expected) unsaid++;
        if (!is_whole) torn++;
        expected = change.sequence + 1;
        read++;
    }
    printf("read %ld lost %" PRIu64 " torn %ld unsaid %ld\n", read, lost, torn, unsaid);
}

/* What cpc_take does, without looking at `begun` again. */
static int take_unchecked(const cpc_image *image, const cpc_group *group, cpc_snapshot *poll) {
    const uint32_t published = cpc_load_(image->object.memory + group->block + 4);
    memcpy(buffer, image->object.memory + group->banks + (size_t)(published & 1) * group->bank_bytes, group->bank_bytes);
    poll->bank = buffer;
    poll->poll_bytes = image->poll_bytes;
    poll->record_bytes = image->record_bytes;
    return 0;
}

/* The pattern of torn-pattern.ts. */
static bool is_whole(const uint8_t *record, uint32_t record_bytes, uint32_t count) {
    double first, value;
    memcpy(&first, record, sizeof first);
    const uint32_t step = first == 0 ? 0 : 1;
    bool is_whole = true;
    for (uint32_t index = 1; index < count; index++) {
        record += record_bytes;
        memcpy(&value, record, sizeof value);
        is_whole = is_whole & (value == first + index * step);
    }
    return is_whole;
}

static void torn(cpc_image *image, long count, bool is_checked) {
    long whole = 0, mixed = 0, lapped = 0;
    for (long n = 0; n < count; n++) {
        cpc_group group;
        cpc_snapshot poll;
        if ((n % 1000 == 0 || cpc_is_retired(image)) && cpc_current(image) < 0) {
            lapped++;
            continue;
        }
        if (cpc_group_at(image, 0, &group) != 0 ||
            (is_checked ? cpc_take(image, &group, buffer, sizeof buffer, &poll) : take_unchecked(image, &group, &poll)) != 0) {
            lapped++;
            continue;
        }
        if (is_whole(poll.bank + poll.poll_bytes, poll.record_bytes, group.point_count)) whole++;
        else mixed++;
    }
    printf("whole %ld torn %ld lapped %ld\n", whole, mixed, lapped);
}

int main(int count, char **arguments) {
    char line[300], mode[20];
    long argument;
    cpc_image image;
    cpc_journal journal;
    char name[200];
    uint64_t position, sequence;
    if (count < 2) return 2;
    memset(&journal, 0, sizeof journal);
    journal.object.descriptor = -1;
    cpc_open(&image, arguments[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "dump", 4) == 0) dump(&image);
        else if (strncmp(line, "take", 4) == 0) take(&image);
        else if (strncmp(line, "alive", 5) == 0) printf("%d\n", cpc_current(&image) >= 0 && cpc_has_writer(&image));
        else if (strncmp(line, "keep", 4) == 0) keep(&image);
        else if (strncmp(line, "foreign", 7) == 0) foreign(&image);
        else if (sscanf(line, "usable %ld %19s", &argument, mode) == 2) usable(&image, argument, strcmp(mode, "uncertain") == 0);
        else if (sscanf(line, "since %199s %" SCNu64 " %" SCNu64, name, &position, &sequence) == 3) journal_since(name, position, sequence);
        else if (sscanf(line, "follow %199s %19s", name, mode) == 2) printf("%d\n", cpc_journal_open(&journal, name, strcmp(mode, "oldest") == 0) == 0);
        else if (strncmp(line, "next", 4) == 0) next(&journal);
        else if (sscanf(line, "changes %ld", &argument) == 1) changes(&journal, argument);
        else if (sscanf(line, "seek %" SCNu64, &position) == 1) printf("%d\n", cpc_journal_seek(&journal, position) == 0);
        else if (sscanf(line, "wait %ld", &argument) == 1) printf("%d\n", cpc_wait(&image, (int)argument));
        else if (sscanf(line, "torn %ld %19s", &argument, mode) == 2) torn(&image, argument, strcmp(mode, "checked") == 0);
        printf(".\n");
        fflush(stdout);
    }
    cpc_journal_close(&journal);
    cpc_close(&image);
    return 0;
}
