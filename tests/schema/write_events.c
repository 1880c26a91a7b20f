/* Prints COUNT events of each kind, made at random (always the same), for the schema to judge. usage: mxtap-events COUNT */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/build_event.h"

#define EVENT_BYTES 2048u /* random bytes that one event is made of */

/* SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static enum mxt_status write_events(struct mxt_json *json, struct mxt_arena *arena, const uint8_t *bytes)
{
    struct mxt_record record = {0};
    struct mxt_alert alert = {0};
    struct mxt_health health = {0};
    build_event(arena, &mxt_session_fields, bytes, EVENT_BYTES, &record);
    build_event(arena, &mxt_alert_fields, bytes, EVENT_BYTES, &alert);
    build_event(arena, &mxt_health_fields, bytes, EVENT_BYTES, &health);
    enum mxt_status status = mxt_event_encode_record(json, &record);
    mxt_json_newline(json);
    if (status == MXT_OK)
        status = mxt_event_encode_alert(json, &alert);
    mxt_json_newline(json);
    if (status == MXT_OK)
        status = mxt_event_encode_health(json, &health);
    return status;
}

int main(int argc, char **argv)
{
    long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (count <= 0) {
        fputs("usage: mxtap-events COUNT\n", stderr);
        return 2;
    }
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_json json = {0};
    uint64_t state = 1;
    bool is_well = true;
    for (long i = 0; i < count && is_well; i++) {
        uint8_t bytes[EVENT_BYTES];
        for (size_t at = 0; at < sizeof bytes; at++)
            bytes[at] = (uint8_t)next_random(&state);
        mxt_json_reset(&json);
        is_well = write_events(&json, &arena, bytes) == MXT_OK && mxt_json_end(&json) != NULL && puts(json.text) != EOF;
        mxt_arena_free(&arena);
    }
    mxt_json_free(&json);
    return is_well && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
