/*
 * TCP connections as scripts: steps separated by ';', each a segment or a command.
 *
 *   > < (direction) OFFSET       from the client, from the server; the offset counts from the byte behind the SYN
 *   =text  *N                    payload: the text ("_" is a space), or N times 'x'
 *   ^N  ^-                       acknowledges offset N of the other direction (default 0); no acknowledgement
 *   !SFR                         flags beside ACK
 *   %N                           N more bytes were cut off by the snap length
 *   tN                           the timestamp option
 *   bad  good  partial           a checksum that is wrong, right, of the pseudo header alone (else it cannot be told)
 *   +N                           N milliseconds after the step before; also in front of a command
 *   tick  finish  stop  rest     commands; `keep>off`, `keep<off`: history of a direction
 *
 * What came out is one string: ">" or "<" where the direction changes, the data, [N] a gap, $ FIN, # RST, {N} a conflict at offset N.
 */
#ifndef MXT_TESTS_TCP_SCRIPT_H
#define MXT_TESTS_TCP_SCRIPT_H

#include "check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/tcp.h"

#define SCRIPT_OUTPUT 8192

struct script {
    struct mxt_tcp *tcp;
    struct mxt_tcp_limits limits;
    uint32_t isn[2];  /* of client and server */
    bool is_mirrored; /* the roles are swapped; the output is swapped back */
    int64_t now_us;
    char output[SCRIPT_OUTPUT];
    size_t length;
    int last;            /* direction of the last event, or -1 */
    const char *stop_at; /* data that makes the sink call mxt_tcp_stop_content, or NULL */
};

static void script_print(struct script *script, enum mxt_direction direction, const char *text, size_t n)
{
    if (script->is_mirrored)
        direction = mxt_direction_other(direction);
    if (script->last != (int)direction)
        script->output[script->length++] = direction == MXT_TOSERVER ? '>' : '<';
    script->last = (int)direction;
    assert_true(script->length + n + 2 < SCRIPT_OUTPUT);
    memcpy(script->output + script->length, text, n);
    script->length += n;
    script->output[script->length] = '\0';
}

static void script_data(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct script *script = context;
    assert_true(n > 0);
    assert_int_equal(time_us, script->now_us);
    script_print(script, direction, (const char *)p, n);
    if (script->stop_at != NULL && n == strlen(script->stop_at) && memcmp(p, script->stop_at, n) == 0)
        mxt_tcp_stop_content(script->tcp);
}

static void script_gap(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    struct script *script = context;
    assert_true(missing > 0);
    assert_int_equal(time_us, script->now_us);
    char text[32];
    script_print(script, direction, text, (size_t)snprintf(text, sizeof text, "[%" PRIu64 "]", missing));
}

static void script_close(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    struct script *script = context;
    assert_int_equal(time_us, script->now_us);
    script_print(script, direction, how == MXT_CLOSE_FIN ? "$" : "#", 1);
}

static void script_conflict(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    struct script *script = context;
    assert_int_equal(time_us, script->now_us);
    char text[32];
    script_print(script, direction, text, (size_t)snprintf(text, sizeof text, "{%" PRIu64 "}", offset));
}

static const struct mxt_tcp_sink script_sink = {.data = script_data, .gap = script_gap, .close = script_close, .conflict = script_conflict};

static uint16_t script_sum(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++)
        sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* A header in front of the payload in `packet` that makes the checksum what the word says, between two addresses ::. */
static void script_checksum(struct mxt_segment *segment, uint8_t *packet, const char *word)
{
    memset(packet, 0, 20);
    packet[12] = 5 << 4;
    memmove(packet + 20, segment->payload, segment->payload_length);
    uint16_t sum = (uint16_t)~script_sum(packet, 20 + segment->payload_length, 6 + 20 + segment->payload_length);
    if (strcmp(word, "bad") == 0)
        sum ^= 0x0101;
    if (strcmp(word, "partial") == 0)
        sum = (uint16_t)(6 + 20 + segment->payload_length);
    packet[16] = (uint8_t)(sum >> 8);
    packet[17] = (uint8_t)sum;
    segment->tcp = packet;
    segment->payload = packet + 20;
}

static void script_segment(struct script *script, char *step)
{
    static uint8_t header[20], packet[20 + 65536], payload[65536];
    bool is_client = step[0] == '>';
    enum mxt_direction direction = is_client == !script->is_mirrored ? MXT_TOSERVER : MXT_TOCLIENT;
    int64_t offset = strtoll(step + 1, NULL, 10), ack = 0;
    uint8_t flags = MXT_ACK;
    struct mxt_segment segment = {.tcp = header, .payload = payload, .frame_bytes = 100};
    const char *checksum = "";
    header[12] = 6 << 4; /* not where the payload begins: unknown */
    for (char *save, *word = strtok_r(step, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        if (word[0] == '=') {
            segment.payload_length = (uint32_t)strlen(word + 1);
            for (size_t i = 0; i < segment.payload_length; i++)
                payload[i] = word[1 + i] == '_' ? ' ' : (uint8_t)word[1 + i];
        } else if (word[0] == '*') {
            segment.payload_length = (uint32_t)strtoul(word + 1, NULL, 10);
            memset(payload, 'x', segment.payload_length);
        } else if (strcmp(word, "^-") == 0) {
            flags &= (uint8_t)~MXT_ACK;
        } else if (word[0] == '^') {
            ack = strtoll(word + 1, NULL, 10);
        } else if (word[0] == '!') {
            flags |=
                (uint8_t)((strchr(word, 'S') != NULL ? MXT_SYN : 0) | (strchr(word, 'F') != NULL ? MXT_FIN : 0) | (strchr(word, 'R') != NULL ? MXT_RST : 0));
        } else if (word[0] == '%') {
            segment.payload_missing = (uint32_t)strtoul(word + 1, NULL, 10);
        } else if (word[0] == 't') {
            segment.has_timestamp = true;
            segment.timestamp_value = (uint32_t)strtoul(word + 1, NULL, 10);
        } else if (word[0] == 'b' || word[0] == 'g' || word[0] == 'p') {
            checksum = word;
        }
    }
    segment.flags = flags;
    segment.time_us = script->now_us;
    segment.seq = script->isn[is_client ? 0 : 1] + 1 + (uint32_t)offset - ((flags & MXT_SYN) != 0 ? 1 : 0);
    segment.ack = (flags & MXT_ACK) != 0 ? script->isn[is_client ? 1 : 0] + 1 + (uint32_t)ack : 0;
    if (checksum[0] != '\0')
        script_checksum(&segment, packet, checksum);
    mxt_tcp_segment(script->tcp, direction, &segment, &script->limits, &script_sink, script);
}

static void script_step(struct script *script, char *step)
{
    step += strspn(step, " \n");
    if (step[0] == '+') {
        script->now_us += strtoll(step + 1, &step, 10) * 1000;
        step += strspn(step, " \n");
    }
    if (step[0] == '>' || step[0] == '<')
        script_segment(script, step);
    else if (strncmp(step, "tick", 4) == 0)
        mxt_tcp_tick(script->tcp, script->now_us, &script->limits, &script_sink, script);
    else if (strncmp(step, "finish", 6) == 0)
        mxt_tcp_finish(script->tcp, script->now_us, &script->limits, &script_sink, script);
    else if (strncmp(step, "stop", 4) == 0)
        mxt_tcp_stop_content(script->tcp);
    else if (strncmp(step, "rest", 4) == 0)
        mxt_tcp_rest(script->tcp);
    else if (strncmp(step, "keep", 4) == 0)
        mxt_tcp_keep_history(script->tcp, (step[4] == '>') == !script->is_mirrored ? MXT_TOSERVER : MXT_TOCLIENT, false);
    else
        fail_msg("no such step: %s", step);
}

/* Prepares a connection; script_end frees it. */
static void script_begin(struct script *script, uint32_t client_isn, uint32_t server_isn, bool is_mirrored)
{
    *script = (struct script){.limits = MXT_TCP_LIMITS_DEFAULT, .isn = {client_isn, server_isn}, .is_mirrored = is_mirrored, .now_us = 1000000, .last = -1};
    script->tcp = malloc(mxt_tcp_size());
    assert_non_null(script->tcp);
    mxt_tcp_init(script->tcp);
}

static void script_run(struct script *script, const char *steps)
{
    char *copy = strdup(steps), *save;
    assert_non_null(copy);
    for (char *step = strtok_r(copy, ";", &save); step != NULL; step = strtok_r(NULL, ";", &save))
        script_step(script, step);
    free(copy);
}

static void script_end(struct script *script)
{
    mxt_tcp_clear(script->tcp);
    free(script->tcp);
}

#endif
