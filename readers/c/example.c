/* Shows every value of an image each time one was published, and whether it is usable: ./example modbus_image */

#include "cpc_image.h"

#include <inttypes.h>
#include <stdlib.h>

enum { INTERVALS = 3 }; /* the age that this program can live with, in poll intervals of the group */

static void print_value(const cpc_value *value) {
    bool truth;
    int64_t integer;
    uint64_t natural;
    double number;
    const char *text;
    uint32_t length;
    struct timespec instant;
    struct tm date;
    char shown[32];
    if (value->is_null) printf("null");
    else if (cpc_as_bool(value, &truth)) printf("%s", truth ? "true" : "false");
    else if (cpc_as_time(value, &instant) && gmtime_r(&instant.tv_sec, &date) != NULL
             && strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S", &date) > 0)
        printf("%s.%03ld UTC", shown, instant.tv_nsec / 1000000);
    else if (cpc_as_int64(value, &integer)) printf("%" PRId64, integer);
    else if (cpc_as_uint64(value, &natural)) printf("%" PRIu64, natural);
    else if (cpc_as_double(value, &number)) printf("%g", number);
    else if (cpc_as_text(value, &text, &length)) printf("%.*s", (int)length, text);
    else if (value->shape == 0) printf("%" PRIu32 " bytes", value->length);
    else {
        cpc_elements elements = cpc_each(value);
        cpc_value element;
        printf("[");
        while (cpc_next(&elements, &element)) {
            if (elements.index > 1) printf(", ");
            print_value(&element);
        }
        printf("]");
    }
}

static void print_group(const cpc_image *image, const cpc_group *group) {
    cpc_snapshot poll;
    uint8_t *buffer = (uint8_t *)malloc(group->bank_bytes);
    if (buffer == NULL || cpc_take(image, group, buffer, group->bank_bytes, &poll) != 0) {
        printf("  cannot copy the group\n");
        free(buffer);
        return;
    }
    for (uint32_t n = 0; n < group->point_count; n++) {
        cpc_point point;
        cpc_value value;
        if (cpc_point_at(image, group->first_point + n, &point) != 0 || cpc_read(&poll, &point, &value) != 0) continue;
        printf("  %s = ", point.key);
        print_value(&value);
        const int reason = cpc_usability(image, &value, INTERVALS * (int64_t)group->interval_ms, false);
        if (reason == CPC_USABLE) printf(" %s   usable, %.1f s old\n", point.unit, (double)cpc_age_ns(&value) / 1e9);
        else printf(" %s   NOT USABLE: %s (status %08" PRIX32 ")\n", point.unit, cpc_why(reason), value.status);
    }
    free(buffer);
}

static void print_server(const cpc_image *image, const cpc_server *server) {
    cpc_state state;
    cpc_group group;
    const bool is_connected = cpc_server_state(image, server, &state) == 0 && state.connection == CPC_CONNECTED;
    printf("%s: %s\n", server->alias, is_connected ? "connected" : "not connected");
    for (uint32_t n = 0; n < server->group_count; n++)
        if (cpc_group_at(image, server->first_group + n, &group) == 0) print_group(image, &group);
}

int main(int count, char **arguments) {
    cpc_image image;
    const char *name = count > 1 ? arguments[1] : "modbus_image";
    long rounds = count > 2 ? atol(arguments[2]) : -1;
    int result = cpc_open(&image, name);
    if (result == -ENOENT) printf("waiting for %s\n", name);
    while (rounds != 0 && (result = cpc_wait(&image, 1000)) >= 0) {
        if (result == 0) {
            printf("nothing new for a second, and the writer is %s\n", cpc_has_writer(&image) ? "alive" : "dead");
            continue;
        }
        cpc_server server;
        for (uint32_t index = 0; cpc_server_at(&image, index, &server) == 0; index++) print_server(&image, &server);
        if (rounds > 0) rounds--;
    }
    if (result < 0) fprintf(stderr, "cannot read %s because %s\n", name, strerror(-result));
    cpc_close(&image);
    return result < 0;
}
