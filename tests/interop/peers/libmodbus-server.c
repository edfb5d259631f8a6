/* A Modbus TCP device made of nothing but libmodbus, for many connections at once.
 *
 * It answers every function that libmodbus knows, the writing ones too, and counts the requests by function code: a
 * reader that never writes leaves the counters of the writing functions at 0. Prints one line of JSON when it listens
 * ({"port": N}) and one when its standard input ends ({"requests": {"1": N, ...}}). With --version it only tells that it runs.
 *
 * Contents: 4000 coils, discrete inputs, holding and input registers from address 0; addresses beyond are exception 2.
 *   coil i: i divisible by 3     discrete input i: i divisible by 5
 *   holding register i: (i * 257) mod 65536     input register i: 65535 - i
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

enum { CELLS = 4000, FUNCTIONS = 256, CONNECTIONS = 16 };

static modbus_mapping_t *fill(void) {
  modbus_mapping_t *cells = modbus_mapping_new(CELLS, CELLS, CELLS, CELLS);
  for (int i = 0; cells != NULL && i < CELLS; i++) {
    cells->tab_bits[i] = i % 3 == 0;
    cells->tab_input_bits[i] = i % 5 == 0;
    cells->tab_registers[i] = (uint16_t)(i * 257);
    cells->tab_input_registers[i] = (uint16_t)(65535 - i);
  }
  return cells;
}

static int fail(const char *what) {
  fprintf(stderr, "libmodbus-server: cannot %s because %s\n", what, modbus_strerror(errno));
  return 1;
}

static void report(const unsigned long counts[FUNCTIONS]) {
  const char *separator = "";
  printf("{\"requests\": {");
  for (int code = 0; code < FUNCTIONS; code++) {
    if (counts[code] == 0) continue;
    printf("%s\"%d\": %lu", separator, code, counts[code]);
    separator = ", ";
  }
  printf("}}\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--version") == 0) {
    printf("libmodbus %s\n", LIBMODBUS_VERSION_STRING);
    return 0;
  }
  modbus_mapping_t *cells = fill();
  modbus_t *modbus = modbus_new_tcp("127.0.0.1", 0);
  if (modbus == NULL || cells == NULL) return fail("start");
  int listener = modbus_tcp_listen(modbus, CONNECTIONS);
  if (listener < 0) return fail("listen");

  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) return fail("learn its port");
  printf("{\"port\": %d}\n", ntohs(address.sin_port));
  fflush(stdout);

  unsigned long counts[FUNCTIONS] = {0};
  int header = modbus_get_header_length(modbus);
  fd_set watched;
  FD_ZERO(&watched);
  FD_SET(STDIN_FILENO, &watched);
  FD_SET(listener, &watched);
  for (;;) {
    fd_set ready = watched;
    if (select(FD_SETSIZE, &ready, NULL, NULL, NULL) < 0) return fail("wait");
    if (FD_ISSET(STDIN_FILENO, &ready)) break;
    for (int fd = 0; fd < FD_SETSIZE; fd++) {
      if (!FD_ISSET(fd, &ready)) continue;
      if (fd == listener) {
        int accepted = accept(listener, NULL, NULL);
        if (accepted >= FD_SETSIZE) close(accepted);
        else if (accepted >= 0) FD_SET(accepted, &watched);
        continue;
      }
      uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
      modbus_set_socket(modbus, fd);
      int received = modbus_receive(modbus, request);
      if (received > header) {
        counts[request[header]]++;
        if (modbus_reply(modbus, request, received, cells) >= 0) continue;
      }
      close(fd);
      FD_CLR(fd, &watched);
    }
  }
  report(counts);
  modbus_mapping_free(cells);
  modbus_free(modbus);
  return 0;
}
