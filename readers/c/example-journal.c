/* Shows the changes of a plant as they come: ./example-journal modbus_image modbus_journal */

#include "cpc_journal.h"

#include <inttypes.h>
#include <stdlib.h>

static uint8_t buffer[128 * 1024];

int main(int count, char **arguments) {
    cpc_image image;
    cpc_journal journal;
    cpc_change change;
    cpc_point point;
    const char *name = count > 2 ? arguments[2] : "modbus_journal";
    cpc_open(&image, count > 1 ? arguments[1] : "modbus_image");
    int result = cpc_journal_open(&journal, name, false);
    while ((result >= 0 || result == -ENOENT) && cpc_wait(&image, 1000) >= 0) {
        while ((result = cpc_journal_next(&journal, buffer, sizeof buffer, &change)) == 1) {
            double number;
            /* The index is good for an image in which the points have kept their numbers. */
            const bool is_known = change.generation >= cpc_points_since(&image) && change.generation <= cpc_generation(&image);
            if (change.lost > 0) printf("%" PRIu64 " changes were lost\n", change.lost);
            if (is_known && cpc_point_at(&image, change.point, &point) == 0) printf("%s", point.key);
            else printf("point %" PRIu32, change.point);
            if (cpc_as_double(&change.value, &number)) printf(" = %g", number);
            printf("   status %08" PRIX32 "\n", change.value.status);
        }
    }
    if (result < 0) fprintf(stderr, "cannot read %s because %s\n", name, strerror(-result));
    cpc_journal_close(&journal);
    cpc_close(&image);
    return result < 0;
}
