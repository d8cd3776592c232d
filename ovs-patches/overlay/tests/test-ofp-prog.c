/* SPDX-License-Identifier: Apache-2.0 */

/* Feeds random messages to lib/ofp-prog.c, each in a buffer of exactly its
 * size, so that AddressSanitizer sees any byte that is read past the end. */

#include <config.h>
#undef NDEBUG
#include "ofp-prog.h"
#include <stdlib.h>
#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

/* Returns a number that is small, or a power of 2, or anything. */
static uint32_t
random_number(void)
{
    switch (random_range(4)) {
    case 0:
        return random_range(4);
    case 1:
        return random_range(300);
    case 2:
        return 1u << random_range(32);
    default:
        return random_uint32();
    }
}

/* Returns a message with good headers and 'n_words' words that are not. */
static struct ofp_header *
random_message(size_t n_words)
{
    static const uint32_t types[] = { 0x00, 0x80, 0xf0 };
    size_t len = 16 + n_words * 4 - (n_words ? random_range(4) : 0);
    uint8_t *message = xmalloc(len);
    struct ofp_header oh = {
        .version = 1 + random_range(6),
        .type = 4,
        .length = htons(len),
    };
    struct p4rt_msg_header mh = {
        .experimenter = htonl(P4RT_EXPERIMENTER_ID),
        .type = htonl(types[random_range(ARRAY_SIZE(types))]
                      + random_range(16)),
    };

    memcpy(message, &oh, sizeof oh);
    memcpy(message + sizeof oh, &mh, sizeof mh);
    for (size_t i = 16; i < len; i += 4) {
        ovs_be32 word = htonl(random_number());

        memcpy(message + i, &word, MIN(4, len - i));
    }
    return ALIGNED_CAST(struct ofp_header *, message);
}

/* Decodes 'oh' in every way there is.  Returns true if it is well-formed. */
static bool
digest(const struct ofp_header *oh)
{
    struct ofp_prog_msg msg;
    struct ds s = DS_EMPTY_INITIALIZER;
    char *error;

    enum p4rt_error_code code = ofp_prog_decode(oh, &msg, &error);
    ovs_assert(!code == !error);
    ovs_assert(!code == !ofp_prog_format(&s, oh));
    ovs_assert(s.length);
    ds_destroy(&s);
    free(error);
    if (code) {
        return false;
    }

    ovs_assert(msg.data + msg.data_len
               == (const uint8_t *) oh + ntohs(oh->length));
    /* What is well-formed survives being put together again. */
    struct ofpbuf *copy = ofp_prog_encode(oh->version, oh->xid, msg.type,
                                          &msg.body, msg.data, msg.data_len);
    ovs_assert(copy->size == ntohs(oh->length));
    ovs_assert(!memcmp(copy->data, oh, copy->size));
    ofpbuf_delete(copy);

    if (msg.type == P4RT_UPLOAD_BEGIN) {
        char *name = ofp_prog_parse_name(msg.body.upload_begin.name, &error);

        ovs_assert(!name != !error);
        free(name);
        free(error);
    } else if (msg.type == P4RT_MAP_LIST_REPLY) {
        struct ofp_prog_map map;

        while (ofp_prog_pull_map(&msg, &map)) {
            free(map.name);
        }
    }
    return true;
}

static void
test_ofp_prog_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int n_good = 0;

    random_set_seed(1);
    for (int i = 0; i < 100000; i++) {
        struct ofp_header *oh = random_message(random_range(100));

        n_good += digest(oh);
        free(oh);
    }
    /* Neither extreme would test much. */
    ovs_assert(n_good > 1000 && n_good < 99000);
    printf("%s\n", "ok");
}

OVSTEST_REGISTER("test-ofp-prog", test_ofp_prog_main);
