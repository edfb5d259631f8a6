/*
 * Modbus devices that answer every read of registers at once, COUNT of them, each on a port of its own: quick-devices COUNT. All values differ from
 * one request to the next. Says {"ports": [...]} and ends with its input.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { HEADER = 9, REQUEST = 12, PIECE = 4096, MOST_REGISTERS = 125 };

/* A listening socket, or a connection with the requests that are not whole yet. */
typedef struct {
    int descriptor;
    int is_listening;
    size_t pending;
    uint16_t answers;
    uint8_t bytes[PIECE];
} line;

static int epoll;

static line *watch(int descriptor, int is_listening) {
    line *watched = calloc(1, sizeof *watched);
    if (descriptor < 0 || watched == NULL) exit(1);
    watched->descriptor = descriptor;
    watched->is_listening = is_listening;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) exit(1);
    return watched;
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(descriptor, (struct sockaddr *)&address, length) != 0 || listen(descriptor, 8) != 0) exit(1);
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) exit(1);
    watch(descriptor, 1);
    return ntohs(address.sin_port);
}

static void put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The reply to the request at `asked`; its length, 0 for what is no read of registers. */
static size_t answer(line *from, const uint8_t *asked, uint8_t *reply) {
    const unsigned address = asked[8] << 8 | asked[9];
    const unsigned count = asked[10] << 8 | asked[11];
    if ((asked[7] != 3 && asked[7] != 4) || count == 0 || count > MOST_REGISTERS) return 0;
    memcpy(reply, asked, 8);
    put16(reply + 4, 3 + 2 * count);
    reply[8] = (uint8_t)(2 * count);
    from->answers++;
    for (unsigned index = 0; index < count; index++) put16(reply + HEADER + 2 * index, address + index + from->answers);
    return HEADER + 2 * count;
}

static int serve(line *from) {
    const ssize_t taken = read(from->descriptor, from->bytes + from->pending, sizeof from->bytes - from->pending);
    if (taken <= 0) return 0;
    from->pending += (size_t)taken;
    size_t offset = 0;
    for (; from->pending - offset >= REQUEST; offset += REQUEST) {
        uint8_t reply[HEADER + 2 * MOST_REGISTERS];
        const size_t length = answer(from, from->bytes + offset, reply);
        if (length == 0 || write(from->descriptor, reply, length) != (ssize_t)length) return 0;
    }
    memmove(from->bytes, from->bytes + offset, from->pending - offset);
    from->pending -= offset;
    return 1;
}

int main(int count, char **arguments) {
    const int devices = count > 1 ? atoi(arguments[1]) : 1;
    epoll = epoll_create1(0);
    printf("{\"ports\": [");
    for (int device = 0; device < devices; device++) printf("%s%d", device == 0 ? "" : ", ", listen_somewhere());
    printf("]}\n");
    fflush(stdout);
    line *input = watch(STDIN_FILENO, 0);
    for (;;) {
        struct epoll_event ready[64];
        const int events = epoll_wait(epoll, ready, 64, -1);
        for (int index = 0; index < events; index++) {
            line *from = ready[index].data.ptr;
            if (from == input) return 0;
            if (from->is_listening) {
                const int one = 1;
                const int accepted = accept(from->descriptor, NULL, NULL);
                setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(accepted, 0);
            } else if (!serve(from)) {
                close(from->descriptor);
                free(from);
            }
        }
    }
}
