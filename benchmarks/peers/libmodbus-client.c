/* Polls COUNT holding registers of a device with libmodbus, in requests as large as the protocol allows: libmodbus-client PORT COUNT. */

#include "polling.h"

#include <modbus.h>

static modbus_t *modbus;
static uint16_t *registers;
static int count;

static bool poll_registers(double *sum) {
    for (int first = 0; first < count; first += MODBUS_MAX_READ_REGISTERS) {
        const int rest = count - first;
        const int some = rest < MODBUS_MAX_READ_REGISTERS ? rest : MODBUS_MAX_READ_REGISTERS;
        if (modbus_read_registers(modbus, first, some, registers + first) != some) return false;
    }
    for (int at = 0; sum != NULL && at < count; at++) *sum += registers[at];
    return true;
}

int main(int parameters, char **arguments) {
    if (parameters < 3) return 2;
    count = atoi(arguments[2]);
    registers = calloc((size_t)count, sizeof *registers);
    modbus = modbus_new_tcp("127.0.0.1", atoi(arguments[1]));
    if (registers == NULL || modbus == NULL || modbus_connect(modbus) != 0) return 1;
    /* Its half second is not much on a busy machine. */
    modbus_set_response_timeout(modbus, 10, 0);
    const int code = answer_polls(LIBMODBUS_VERSION_STRING, poll_registers);
    modbus_close(modbus);
    modbus_free(modbus);
    free(registers);
    return code;
}
