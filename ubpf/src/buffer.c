/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets in plain memory. */

#include <errno.h>
#include <string.h>

#include <ubpf/ubpf.h>

int
ubpf_buffer_adjust_head(struct ubpf_run *run, int32_t delta)
{
    const struct ubpf_buffer *buffer = run->packet;
    uint8_t *data = (uint8_t *) (uintptr_t) run->ctx.data;
    int64_t length = (int64_t) (run->ctx.data_end - run->ctx.data);

    if (delta > length) {
        return -EINVAL;
    }
    if (delta < 0) {
        size_t grow = (size_t) -(int64_t) delta;

        if (grow > (size_t) (data - buffer->base)) {
            return -ENOMEM;
        }
        memset(data - grow, 0, grow);
    }
    run->ctx.data = (uintptr_t) (data + delta);
    return 0;
}
