/* A consumer: reader IMAGE sleeping|looking. Copies every poll that it is woken for, or the last one every millisecond, until its input ends. */

#include "cpc_image.h"

#include <poll.h>

static uint8_t buffer[4 << 20];

int main(int count, char **arguments) {
    if (count < 3) return 2;
    cpc_image image;
    cpc_group group;
    cpc_snapshot snapshot;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    const bool sleeps = strcmp(arguments[2], "sleeping") == 0;
    if (cpc_open(&image, arguments[1]) != 0) return 1;
    printf("ready\n");
    fflush(stdout);
    while (poll(&input, 1, sleeps ? 0 : 1) == 0) {
        if (sleeps && cpc_wait(&image, 100) != 1) continue;
        if (cpc_group_at(&image, 0, &group) == 0) cpc_take(&image, &group, buffer, sizeof buffer, &snapshot);
    }
    return 0;
}
