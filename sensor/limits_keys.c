#include <stdint.h>

#include "rules/config_values.h"
#include "sensor/limits.h"

#define KIB       UINT64_C(1024)
#define MIB       (KIB * 1024)
#define GIB       (MIB * 1024)
#define SECOND_US INT64_C(1000000)
#define HOUR_US   (3600 * SECOND_US)

void mxt_limits_init(struct mxt_limits *limits)
{
    *limits = (struct mxt_limits){
        .packet = MXT_PACKET_LIMITS_DEFAULT, .tcp = MXT_TCP_LIMITS_DEFAULT, .flow = MXT_FLOW_LIMITS_DEFAULT, .smtp = MXT_SMTP_LIMITS_DEFAULT};
}

static enum mxt_status refusal(enum mxt_status status)
{
    return status == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_memory(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_size(value, 16 * MIB, 1024 * GIB, &limits->flow.memory));
}

static enum mxt_status set_flows(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_number(value, 1000, 100000000, &limits->flow.flows));
}

static enum mxt_status set_passed_flows(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_number(value, 1000, 100000000, &limits->flow.passed));
}

static enum mxt_status set_new_flows(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_number(value, 1000, 100000000, &limits->flow.newcomers));
}

static enum mxt_status set_idle(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_duration(value, 60 * SECOND_US, 24 * HOUR_US, &limits->flow.idle_timeout_us));
}

static enum mxt_status set_half_open(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return refusal(mxt_value_duration(value, SECOND_US, HOUR_US, &limits->flow.half_open_timeout_us));
}

static enum mxt_status set_size(const char *value, uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t bytes;
    enum mxt_status status = mxt_value_size(value, min, max, &bytes);
    if (status == MXT_OK)
        *out = (uint32_t)bytes;
    return refusal(status);
}

static enum mxt_status set_early(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return set_size(value, 4 * KIB, 64 * MIB, &limits->tcp.held_bytes);
}

static enum mxt_status set_session(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return set_size(value, 16 * KIB, 64 * MIB, &limits->session_bytes);
}

static enum mxt_status set_fragments(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return set_size(value, 128 * KIB, GIB, &limits->packet.fragment_bytes);
}

static enum mxt_status set_line(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    uint32_t bytes;
    if (set_size(value, KIB, 32 * KIB, &bytes) != MXT_OK)
        return MXT_EUSAGE;
    limits->smtp.line = (uint16_t)bytes;
    return MXT_OK;
}

static enum mxt_status set_count(const char *value, uint32_t max, uint16_t *out)
{
    uint32_t count;
    if (mxt_value_number(value, 1, max, &count) != MXT_OK)
        return MXT_EUSAGE;
    *out = (uint16_t)count;
    return MXT_OK;
}

static enum mxt_status set_messages(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return set_count(value, 1000, &limits->smtp.messages);
}

static enum mxt_status set_recipients(struct mxt_setting *to, const char *value)
{
    struct mxt_limits *limits = to->object;
    return set_count(value, 10000, &limits->smtp.recipients);
}

/* clang-format off */
#define FILE_ONLY MXT_KEY_IN_FILE

static const struct mxt_key keys[] = {
    {"limits", NULL, 0, FILE_ONLY, MXT_KEY_MAP, "...", NULL, "a mapping", "what a packet thread may take; what is given up for it is counted in health", .set = NULL},
    {"limits.memory", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "SIZE", "1GiB", "a size from 16MiB to 1024GiB", "for connections and all that is held of them; beyond, holes are given up, then the least worthy connections", .set = set_memory},
    {"limits.flows", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "N", "1000000", "a number from 1000 to 100000000", "connections at once; beyond, the least worthy goes: half-open, closed, silent, without a server's greeting, idle longest", .set = set_flows},
    {"limits.passed-flows", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "N", "1000000", "a number from 1000 to 100000000", "any-port: connections that are no mail to remember, eight bytes each", .set = set_passed_flows},
    {"limits.new-flows", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "N", "100000", "a number from 1000 to 100000000", "any-port: connections that have not said yet what they are, 72 bytes each; beyond, those that nobody answers go first", .set = set_new_flows},
    {"limits.early", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "SIZE", "256KiB", "a size from 4KiB to 64MiB", "held behind a hole, for each direction of a connection", .set = set_early},
    {"limits.session", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "SIZE", "256KiB", "a size from 16KiB to 64MiB", "facts of a session, beside its messages", .set = set_session},
    {"limits.messages", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "N", "50", "a number from 1 to 1000", "messages of a session that its record tells, the latest; totals count all", .set = set_messages},
    {"limits.recipients", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "N", "100", "a number from 1 to 10000", "recipients of a message that its record tells; totals count all", .set = set_recipients},
    {"limits.line", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "SIZE", "2KiB", "a size from 1KiB to 32KiB", "of an SMTP line that is looked at; the rest is passed over", .set = set_line},
    {"limits.fragments", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "SIZE", "4MiB", "a size from 128KiB to 1GiB", "for IP fragments whose datagram is not whole", .set = set_fragments},
    {"limits.idle", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "10m", "a time from 1m to 24h", "how long a silent connection is remembered", .set = set_idle},
    {"limits.half-open", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "30s", "a time from 1s to 1h", "how long a connection is remembered whose handshake was not seen", .set = set_half_open},
};
/* clang-format on */

const struct mxt_key_table mxt_limits_keys = {.keys = keys, .count = sizeof keys / sizeof keys[0]};
