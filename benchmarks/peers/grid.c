/*
 * Sleeps to the instants of a grid: grid INTERVAL_MS COUNT. Says as JSON when it woke, in ns since 1970 UTC ("requestedNs"). What any program on
 * this machine can do at best, with the clock and the scheduler as they are.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SECOND_NS = 1000000000 };

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    const int64_t interval_ns = atoll(arguments[1]) * 1000000;
    const int wanted = atoi(arguments[2]);
    int64_t *woken = malloc((size_t)wanted * sizeof *woken);
    int64_t instant = now_ns(CLOCK_MONOTONIC);
    if (woken == NULL) return 1;
    for (int n = 0; n < wanted; n++) {
        instant += interval_ns;
        const struct timespec until = {.tv_sec = instant / SECOND_NS, .tv_nsec = instant % SECOND_NS};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
        woken[n] = now_ns(CLOCK_REALTIME);
    }
    printf("{\"requestedNs\": [");
    for (int n = 0; n < wanted; n++) printf(n == 0 ? "\"%lld\"" : ",\"%lld\"", (long long)woken[n]);
    printf("]}\n");
    return 0;
}
