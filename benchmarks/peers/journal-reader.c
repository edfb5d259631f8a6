/* A consumer: journal-reader JOURNAL. Reads every change as soon as it is there, without a sleep, until its input ends. */

#include "cpc_journal.h"

#include <poll.h>

static uint8_t buffer[1 << 20];

int main(int count, char **arguments) {
    if (count < 2) return 2;
    cpc_journal journal;
    cpc_change change;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (cpc_journal_open(&journal, arguments[1], false) != 0) return 1;
    printf("ready\n");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0)
        for (int n = 0; n < 10000; n++)
            if (cpc_journal_since(&journal, &journal.cursor, buffer, sizeof buffer, &change) < 0) return 1;
    return 0;
}
