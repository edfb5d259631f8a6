/* A reader in a process of its own; agent.ts says what it is told and what it answers. */

#include "cpc_image.h"

#include <inttypes.h>
#include <stdlib.h>

static uint8_t buffer[1 << 20];

static void print_hex(const char *bytes, uint32_t length) {
    for (uint32_t n = 0; n < length; n++) printf("%02x", (unsigned char)bytes[n]);
}

static void print_value(const cpc_value *value) {
    bool truth;
    int64_t integer;
    uint64_t natural;
    double number;
    const uint8_t *bytes;
    const char *text;
    uint32_t length;
    if (value->is_null) {
        printf("null");
    } else if (cpc_as_bool(value, &truth)) {
        printf("%s", truth ? "true" : "false");
    } else if (value->type == CPC_UINT64 && cpc_as_uint64(value, &natural)) {
        printf("%" PRIu64, natural);
    } else if (cpc_as_int64(value, &integer)) {
        printf("%" PRId64, integer);
    } else if (cpc_as_double(value, &number)) {
        if (number != number) {
            printf("NaN");
        } else if (value->type == CPC_FLOAT) {
            const float single = (float)number;
            uint32_t bits;
            memcpy(&bits, &single, sizeof bits);
            printf("f%08" PRIx32, bits);
        } else {
            uint64_t bits;
            memcpy(&bits, &number, sizeof bits);
            printf("d%016" PRIx64, bits);
        }
    } else if (cpc_as_text(value, &text, &length)) {
        printf("x");
        print_hex(text, length);
    } else if (cpc_as_bytes(value, &bytes, &length)) {
        printf("x");
        print_hex((const char *)bytes, length);
    } else {
        if (value->dimensions != NULL) {
            for (uint8_t n = 0; n < value->shape; n++) printf("%c%" PRIu32, n == 0 ? '(' : ',', cpc_dimension(value, n));
            printf(")");
        }
        printf("[");
        for (uint32_t n = 0; n < value->elements; n++) {
            const cpc_value element = cpc_element(value, n);
            if (n > 0) printf(",");
            print_value(&element);
        }
        printf("]");
    }
}

static bool is_short_way_same(const cpc_snapshot *poll, const cpc_value *value, uint32_t position) {
    double number, same;
    bool truth;
    uint32_t status;
    const bool is_number = cpc_number(poll, position, &number, &status);
    if (cpc_as_bool(value, &truth)) return is_number && number == (truth ? 1 : 0) && status == value->status;
    if (!cpc_as_double(value, &same)) return !is_number;
    return is_number && memcmp(&number, &same, sizeof same) == 0 && status == value->status;
}

static void print_server(const cpc_image *image, const cpc_server *server) {
    cpc_snapshot poll;
    if (cpc_take(image, server, buffer, sizeof buffer, &poll) != 0) {
        printf("lapped\n");
        return;
    }
    const cpc_source source = cpc_source_of(&poll);
    printf("server\t%s\t%s\t%s\t%" PRIu32, server->alias, server->connection_key, server->connection_description, server->interval_ms);
    printf("\t%" PRIu32 "\t%" PRIu64 "\t%" PRId64 "\t%" PRId64, source.connection, source.cycle, source.published_ns, source.last_good_ns);
    printf("\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t", source.duration_ns, source.certificate_ends_ns, source.error_ns);
    print_hex(source.error, source.error_bytes);
    printf("\n");
    for (uint32_t n = 0; n < server->point_count; n++) {
        cpc_point point, same;
        if (cpc_point_at(image, server->first_point + n, &point) != 0 || cpc_find_point(image, point.key, &same) != 0 ||
            same.position != n) {
            printf("point %" PRIu32 " is not there\n", n);
            continue;
        }
        const cpc_value value = cpc_read(&poll, &point);
        printf("point\t%s\t%s\t%s\t%" PRIu32, point.key, point.description, point.unit, point.type);
        printf("\t%d\t%08" PRIx32 "\t%" PRId64 "\t%" PRId64 "\t", value.type, value.status, value.source_ns, value.received_ns);
        print_value(&value);
        printf(is_short_way_same(&poll, &value, n) ? "\n" : " but cpc_number differs\n");
    }
}

static void dump(cpc_image *image) {
    cpc_server server;
    if (cpc_current(image) < 0) {
        printf("none\n");
        return;
    }
    printf("image\t%s\t%" PRIu32 "\n", cpc_service(image) == 1 ? "opcua" : "modbus", image->server_count);
    for (uint32_t index = 0; cpc_server_at(image, index, &server) == 0; index++) print_server(image, &server);
}

static void take(cpc_image *image) {
    cpc_server server;
    cpc_snapshot poll;
    int result = cpc_current(image) < 0 ? -ENOENT : cpc_server_at(image, 0, &server);
    if (result == 0) result = cpc_take(image, &server, buffer, sizeof buffer, &poll);
    if (result == 0) printf("ok %" PRIu32 "\n", poll.published);
    else printf("%s\n", result == -EAGAIN ? "lapped" : "none");
}

/* What cpc_take does, without looking at `begun` again. */
static int take_unchecked(const cpc_image *image, const cpc_server *server, cpc_snapshot *poll) {
    const uint8_t *block = image->memory + server->block;
    const uint32_t published = cpc_load_(block + 4);
    memcpy(buffer, block + image->banks_offset + (size_t)(published & 1) * server->bank_bytes, server->bank_bytes);
    poll->bank = buffer;
    poll->poll_bytes = image->poll_bytes;
    poll->record_bytes = image->record_bytes;
    return 0;
}

/* The pattern of torn-pattern.ts. */
static bool is_whole(const uint8_t *record, uint32_t record_bytes, uint32_t count) {
    double first, value;
    int64_t first_received, received;
    memcpy(&first, record, sizeof first);
    memcpy(&first_received, record + 16, sizeof first_received);
    const uint32_t step = first == 0 ? 0 : 1;
    bool is_whole = true;
    for (uint32_t index = 1; index < count; index++) {
        record += record_bytes;
        memcpy(&value, record, sizeof value);
        memcpy(&received, record + 16, sizeof received);
        is_whole = is_whole & (value == first + index * step) & (received == first_received);
    }
    return is_whole;
}

static void torn(cpc_image *image, long count, bool is_checked) {
    long whole = 0, mixed = 0, lapped = 0;
    for (long n = 0; n < count; n++) {
        cpc_server server;
        cpc_snapshot poll;
        if ((n % 1000 == 0 || cpc_is_retired(image)) && cpc_current(image) < 0) {
            lapped++;
            continue;
        }
        if (cpc_server_at(image, 0, &server) != 0 ||
            (is_checked ? cpc_take(image, &server, buffer, sizeof buffer, &poll) : take_unchecked(image, &server, &poll)) != 0) {
            lapped++;
            continue;
        }
        if (is_whole(poll.bank + poll.poll_bytes, poll.record_bytes, server.point_count)) whole++;
        else mixed++;
    }
    printf("whole %ld torn %ld lapped %ld\n", whole, mixed, lapped);
}

int main(int count, char **arguments) {
    char line[100], mode[20];
    long argument;
    cpc_image image;
    if (count < 2) return 2;
    cpc_open(&image, arguments[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "dump", 4) == 0) dump(&image);
        else if (strncmp(line, "take", 4) == 0) take(&image);
        else if (strncmp(line, "alive", 5) == 0) printf("%d\n", cpc_current(&image) >= 0 && cpc_has_writer(&image));
        else if (sscanf(line, "wait %ld", &argument) == 1) printf("%d\n", cpc_wait(&image, (int)argument));
        else if (sscanf(line, "torn %ld %19s", &argument, mode) == 2) torn(&image, argument, strcmp(mode, "checked") == 0);
        printf(".\n");
        fflush(stdout);
    }
    cpc_close(&image);
    return 0;
}
