/*
 * Sleeps until a poll is published, again and again: awake IMAGE COUNT value|source. Says as JSON, for COUNT polls of the first group, when each began
 * ("requestedNs"), and how many microseconds after the time of its first value this woke ("awakeUs"): with "value" that time is the value itself, in ns
 * since 1970 UTC, with "source" the server's time of the value.
 */

#include "cpc_image.h"

#include <stdlib.h>

static uint8_t buffer[4 << 20];

int main(int count, char **arguments) {
    if (count < 4) return 2;
    const int wanted = atoi(arguments[2]);
    const bool is_value = strcmp(arguments[3], "value") == 0;
    double *awake = malloc((size_t)wanted * sizeof *awake);
    int64_t *requested = malloc((size_t)wanted * sizeof *requested);
    uint64_t cycle = 0;
    cpc_image image;
    cpc_group group;
    cpc_point point;
    cpc_snapshot poll;
    cpc_value value;
    if (awake == NULL || requested == NULL || cpc_open(&image, arguments[1]) != 0) return 1;
    for (int seen = 0; seen < wanted;) {
        if (cpc_wait(&image, 10000) != 1) return 1;
        const int64_t woken = cpc_now_ns();
        if (cpc_group_at(&image, 0, &group) != 0 || cpc_take(&image, &group, buffer, sizeof buffer, &poll) != 0) return 1;
        const cpc_poll head = cpc_poll_of(&poll);
        /* Something else was published. */
        if (head.connection != CPC_CONNECTED || head.cycle == cycle) continue;
        cycle = head.cycle;
        if (cpc_point_at(&image, group.first_point, &point) != 0 || cpc_read(&poll, &point, &value) != 0) return 1;
        int64_t born = value.source_ns;
        if (is_value && !cpc_as_int64(&value, &born)) continue;
        requested[seen] = head.requested_ns;
        awake[seen++] = (double)(woken - born) / 1e3;
    }
    printf("{\"requestedNs\": [");
    for (int n = 0; n < wanted; n++) printf(n == 0 ? "\"%lld\"" : ",\"%lld\"", (long long)requested[n]);
    printf("], \"awakeUs\": [");
    for (int n = 0; n < wanted; n++) printf(n == 0 ? "%.2f" : ",%.2f", awake[n]);
    printf("]}\n");
    return 0;
}
