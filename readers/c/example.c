/* Shows every value of an image each time one was published: ./example modbus_image */

#include "cpc_image.h"

#include <inttypes.h>
#include <stdlib.h>

static void print_value(const cpc_value *value) {
    bool truth;
    int64_t integer;
    uint64_t natural;
    double number;
    const char *text;
    uint32_t length;
    if (value->is_null) printf("null");
    else if (cpc_as_bool(value, &truth)) printf("%s", truth ? "true" : "false");
    else if (cpc_as_int64(value, &integer)) printf("%" PRId64, integer);
    else if (cpc_as_uint64(value, &natural)) printf("%" PRIu64, natural);
    else if (cpc_as_double(value, &number)) printf("%g", number);
    else if (cpc_as_text(value, &text, &length)) printf("%.*s", (int)length, text);
    else if (value->shape == 0) printf("%" PRIu32 " bytes", value->length);
    else {
        printf("[");
        for (uint32_t index = 0; index < value->elements; index++) {
            const cpc_value element = cpc_element(value, index);
            if (index > 0) printf(", ");
            print_value(&element);
        }
        printf("]");
    }
}

static int print_server(const cpc_image *image, const cpc_server *server) {
    cpc_snapshot poll;
    uint8_t *buffer = (uint8_t *)malloc(server->bank_bytes);
    int result = buffer == NULL ? -ENOMEM : cpc_take(image, server, buffer, server->bank_bytes, &poll);
    if (result == 0) {
        printf("%s: %s\n", server->alias, cpc_source_of(&poll).connection == CPC_CONNECTED ? "connected" : "not connected");
        for (uint32_t n = 0; n < server->point_count; n++) {
            cpc_point point;
            if (cpc_point_at(image, server->first_point + n, &point) != 0) continue;
            const cpc_value value = cpc_read(&poll, &point);
            printf("  %s = ", point.key);
            print_value(&value);
            printf(" %s   status %08" PRIX32 ", %.1f s old\n", point.unit, value.status, (double)cpc_age_ns(&value) / 1e9);
        }
    }
    free(buffer);
    return result;
}

int main(int count, char **arguments) {
    cpc_image image;
    const char *name = count > 1 ? arguments[1] : "modbus_image";
    long rounds = count > 2 ? atol(arguments[2]) : -1;
    int result = cpc_open(&image, name);
    if (result == -ENOENT) printf("waiting for %s\n", name);
    while (rounds != 0 && (result = cpc_wait(&image, 1000)) >= 0) {
        if (result == 0) {
            printf("nothing new for a second, and the writer is %s\n", cpc_has_writer(&image) ? "alive" : "gone");
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
