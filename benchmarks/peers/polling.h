/*
 * What a benchmark's clients in C share: says {"ready": true, "version": V}, makes as many polls as each line of standard input says, one after the other, and answers
 * {"sum": S}, the sum of the values of the last one. Polls are timed from outside.
 */

#ifndef POLLING_H
#define POLLING_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* `sum` is NULL when nobody asks for it. */
typedef bool (*polling_poll)(double *sum);

static int answer_polls(const char *version, polling_poll poll) {
    char line[32];
    printf("{\"ready\": true, \"version\": \"%s\"}\n", version);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double sum = 0;
        for (long left = atol(line); left > 0; left--) {
            if (poll(left == 1 ? &sum : NULL)) continue;
            fprintf(stderr, "a poll failed\n");
            return 1;
        }
        printf("{\"sum\": %.17g}\n", sum);
        fflush(stdout);
    }
    return 0;
}

#endif
