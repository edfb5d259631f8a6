/* How long a snapshot takes in C: snapshot IMAGE BATCHES. Says the median of the batches, in microseconds, as JSON. */

#include "cpc_image.h"

#include <stdlib.h>

enum { CALLS = 100 };

static uint8_t buffer[4 << 20];

static int by_size(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, by_size);
    return samples[count / 2];
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    const int batches = atoi(arguments[2]);
    cpc_image image;
    cpc_group group;
    cpc_snapshot poll;
    if (cpc_open(&image, arguments[1]) != 0 || cpc_group_at(&image, 0, &group) != 0) return 1;
    double *copies = malloc((size_t)batches * sizeof *copies), *values = malloc((size_t)batches * sizeof *values);
    cpc_point *points = malloc(group.point_count * sizeof *points);
    if (copies == NULL || values == NULL || points == NULL) return 1;
    for (uint32_t position = 0; position < group.point_count; position++)
        if (cpc_point_at(&image, group.first_point + position, &points[position]) != 0) return 1;
    volatile double sink = 0;
    for (int batch = 0; batch < batches; batch++) {
        int64_t start = cpc_monotonic_ns_();
        for (int call = 0; call < CALLS; call++)
            if (cpc_take(&image, &group, buffer, sizeof buffer, &poll) != 0) return 1;
        copies[batch] = (double)(cpc_monotonic_ns_() - start) / 1e3 / CALLS;
        start = cpc_monotonic_ns_();
        for (int call = 0; call < CALLS; call++) {
            double sum = 0;
            if (cpc_take(&image, &group, buffer, sizeof buffer, &poll) != 0) return 1;
            for (uint32_t position = 0; position < group.point_count; position++) {
                double number;
                uint32_t status;
                if (cpc_number(&poll, &points[position], &number, &status) == 0 && cpc_is_good(status)) sum += number;
            }
            sink = sink + sum;
        }
        values[batch] = (double)(cpc_monotonic_ns_() - start) / 1e3 / CALLS;
    }
    printf("{\"copyUs\": %.3f, \"valuesUs\": %.3f}\n", median(copies, batches), median(values, batches));
    return 0;
}
