/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps against a plain list, with random operations: what fuzz/fuzz_maps.c
 * does, without a fuzzer.  `test_map_model N [SEED]` does it N times. */

#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
main(int argc, char *argv[])
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 4000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    for (unsigned long i = 0; i < n; i++) {
        uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + i + 1;
        uint8_t data[1024];

        for (size_t j = 0; j < sizeof data; j++) {
            data[j] = (uint8_t) (next_random(&random) >> 32);
        }
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    return 0;
}
