/*
 * Sleeps until a publish, again and again: wake-up IMAGE COUNT. The first value of the poll is the writer's monotonic clock in ns just before the
 * publish; says as JSON how many microseconds later this woke ("wakeUs") and how long the first copy then took ("copyUs").
 */

#include "cpc_image.h"

#include <stdlib.h>

static uint8_t buffer[4 << 20];

int main(int count, char **arguments) {
    if (count < 3) return 2;
    const int wanted = atoi(arguments[2]);
    double *wakes = malloc((size_t)wanted * sizeof *wakes), *copies = malloc((size_t)wanted * sizeof *copies);
    cpc_image image;
    cpc_group group;
    cpc_point point;
    cpc_snapshot poll;
    if (wakes == NULL || copies == NULL || cpc_open(&image, arguments[1]) != 0) return 1;
    cpc_wait(&image, 0);
    printf("ready\n");
    fflush(stdout);
    for (int seen = 0; seen < wanted; seen++) {
        if (cpc_wait(&image, 10000) != 1) return 1;
        const int64_t woken = cpc_monotonic_ns_();
        if (cpc_group_at(&image, 0, &group) != 0 || cpc_take(&image, &group, buffer, sizeof buffer, &poll) != 0) return 1;
        const int64_t copied = cpc_monotonic_ns_();
        double published;
        uint32_t status;
        if (cpc_point_at(&image, 0, &point) != 0 || cpc_number(&poll, &point, &published, &status) != 0) return 1;
        wakes[seen] = ((double)woken - published) / 1e3;
        copies[seen] = (double)(copied - woken) / 1e3;
    }
    for (int list = 0; list < 2; list++) {
        printf(list == 0 ? "{\"wakeUs\": [" : "], \"copyUs\": [");
        for (int n = 0; n < wanted; n++) printf(n == 0 ? "%.2f" : ",%.2f", (list == 0 ? wakes : copies)[n]);
    }
    printf("]}\n");
    return 0;
}
