#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sensor/community_id.h"
#include "sensor/outbox.h"

#define LARGE     (64u << 20)
#define PRODUCERS 4u
#define EACH      5000u
#define FAR_MS    60000 /* no test waits that long */

/* A record that says who put it and which of his it is. */
static struct mxt_record make_record(uint32_t producer, uint32_t number)
{
    return (struct mxt_record){.version = MXT_RECORD_VERSION,
                               .sensor = "test",
                               .session_id = (uint64_t)producer << 32 | number,
                               .snapshot = 1,
                               .dest_ip = {{[15] = (uint8_t)producer}}};
}

static enum mxt_status put_record(struct mxt_outbox *outbox, uint32_t producer, uint32_t number)
{
    struct mxt_record record = make_record(producer, number);
    return mxt_outbox_record(outbox, &record);
}

static bool is_readable(int fd)
{
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    return poll(&ask, 1, 0) == 1;
}

static void test_parcels_come_in_order_and_whole(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(LARGE, MXT_OUTBOX_DROP);
    struct mxt_health health = {.sensor = "test", .packets = 77};
    struct mxt_parcel parcel;
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(put_record(outbox, 5, i), MXT_OK);
    assert_int_equal(mxt_outbox_health(outbox, &health), MXT_OK);
    assert_int_equal(mxt_outbox_counters(outbox).parcels, 301);
    for (uint32_t i = 0; i < 300; i++) {
        struct mxt_record record = make_record(5, i);
        struct mxt_json json = {.text = NULL};
        char community_id[MXT_COMMUNITY_ID_TEXT];
        mxt_community_id(&record.src_ip, record.src_port, &record.dest_ip, record.dest_port, community_id);
        record.community_id = community_id; /* made on the consumer's side */
        assert_int_equal(mxt_event_encode_record(&json, &record), MXT_OK);
        assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
        assert_int_equal(parcel.type, MXT_PARCEL_SESSION);
        assert_int_equal(parcel.session_id, record.session_id);
        assert_memory_equal(&parcel.server, &record.dest_ip, sizeof parcel.server);
        assert_int_equal(parcel.n, json.length);
        assert_memory_equal(parcel.json, json.text, parcel.n);
        assert_true(parcel.arrived_us > 0);
        mxt_json_free(&json);
    }
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(parcel.type, MXT_PARCEL_HEALTH);
    assert_non_null(strstr(parcel.json, "\"packets\":77"));
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_MORE);
    assert_int_equal(mxt_outbox_counters(outbox).parcels, 0);
    assert_int_equal(mxt_outbox_counters(outbox).bytes, 0);
    mxt_outbox_free(outbox);
}

#define LENT (1u << 20)

/* How often what is at each place was given back. */
static void count_back(void *owner, void *what)
{
    ((unsigned *)owner)[*(const unsigned *)what]++;
}

/* What is lent is not copied, takes its own room, and is given back once: when its parcel is done with, when it finds no room, and when nobody takes it any more. */
static void test_what_is_lent_is_given_back_once(void **state)
{
    (void)state;
    static const unsigned places[] = {0, 1, 2, 3};
    unsigned back[COUNT(places)] = {0};
    struct mxt_outbox *outbox = mxt_outbox_new(2 * LENT + LENT / 2, MXT_OUTBOX_DROP);
    struct mxt_parcel parcel;
    char helo[] = "a.example.net";
    struct mxt_smtp_facts facts = {.helo = helo};
    for (size_t i = 0; i < COUNT(places); i++) {
        struct mxt_record record = make_record(1, (uint32_t)i);
        record.smtp = &facts;
        if (i == 3)
            mxt_outbox_close(outbox);
        const struct mxt_loan loan = {.give_back = count_back, .owner = back, .what = (void *)(uintptr_t)&places[i], .bytes = LENT};
        assert_int_equal(mxt_outbox_lend(outbox, &record, &loan), i < 2 ? MXT_OK : MXT_DONE);
        assert_int_equal(back[i], i >= 2);
    }
    helo[0] = 'b';
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_non_null(strstr(parcel.json, "b.example.net"));
    assert_int_equal(back[0], 0);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(back[0], 1);
    assert_int_equal(mxt_outbox_counters(outbox).lost, 2);
    mxt_outbox_free(outbox);
    for (size_t i = 0; i < COUNT(places); i++)
        assert_int_equal(back[i], 1);
}

static void test_what_finds_no_room_is_counted(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(64u << 10, MXT_OUTBOX_DROP);
    struct mxt_parcel parcel;
    uint32_t put = 0;
    while (put < 1000 && put_record(outbox, 1, put) == MXT_OK)
        put++;
    assert_in_range(put, 2, 63); /* a parcel takes at least a kilobyte, and two fit */
    assert_int_equal(put_record(outbox, 1, 1000), MXT_DONE);
    struct mxt_outbox_counters counters = mxt_outbox_counters(outbox);
    assert_int_equal(counters.parcels, put);
    assert_int_equal(counters.lost, 2);
    assert_in_range(counters.bytes, 1, 64u << 10);
    /* The parcel in hand still takes its room. */
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(put_record(outbox, 1, 1001), MXT_DONE);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(parcel.session_id, (uint64_t)1 << 32 | 1);
    assert_int_equal(put_record(outbox, 1, 1002), MXT_OK);
    mxt_outbox_free(outbox);
}

static void test_one_larger_than_all_room_passes_alone(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(1, MXT_OUTBOX_WAIT);
    struct mxt_parcel parcel;
    assert_int_equal(put_record(outbox, 1, 1), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, -1, &parcel), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_MORE);
    assert_int_equal(put_record(outbox, 1, 2), MXT_OK);
    mxt_outbox_free(outbox);
}

static void test_closed_gives_the_rest_then_ends(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(LARGE, MXT_OUTBOX_WAIT);
    struct mxt_parcel parcel;
    assert_int_equal(put_record(outbox, 1, 1), MXT_OK);
    mxt_outbox_close(outbox);
    assert_int_equal(put_record(outbox, 1, 2), MXT_DONE);
    assert_int_equal(mxt_outbox_counters(outbox).lost, 1);
    assert_int_equal(mxt_outbox_next(outbox, -1, &parcel), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, -1, &parcel), MXT_DONE);
    assert_int_equal(mxt_outbox_next(outbox, FAR_MS, &parcel), MXT_DONE);
    mxt_outbox_free(outbox);
}

static void test_waiting_ends_in_time(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(LARGE, MXT_OUTBOX_WAIT);
    struct mxt_parcel parcel;
    assert_int_equal(mxt_outbox_next(outbox, 1, &parcel), MXT_MORE);
    mxt_outbox_free(outbox);
}

static void test_descriptor_tells_of_parcels_and_the_end(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(LARGE, MXT_OUTBOX_WAIT);
    struct mxt_parcel parcel;
    assert_int_equal(put_record(outbox, 1, 1), MXT_OK);
    int fd = mxt_outbox_fd(outbox);
    assert_true(fd >= 0);
    assert_int_equal(mxt_outbox_fd(outbox), fd);
    assert_true(is_readable(fd));
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_MORE);
    assert_false(is_readable(fd));
    assert_int_equal(put_record(outbox, 1, 2), MXT_OK);
    assert_int_equal(put_record(outbox, 1, 3), MXT_OK);
    assert_true(is_readable(fd));
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_true(is_readable(fd)); /* one is left */
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_MORE);
    assert_false(is_readable(fd));
    mxt_outbox_close(outbox);
    assert_true(is_readable(fd));
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_DONE);
    assert_true(is_readable(fd));
    mxt_outbox_free(outbox);
}

struct producer {
    struct mxt_outbox *outbox;
    uint32_t number;
    uint32_t put;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    for (uint32_t i = 0; i < EACH; i++)
        producer->put += put_record(producer->outbox, producer->number, i) == MXT_OK;
    return NULL;
}

/* Several producers, one consumer, little room: each producer's parcels stay in order, and what was put comes. */
static void run_threads(enum mxt_outbox_when_full when_full)
{
    struct mxt_outbox *outbox = mxt_outbox_new(256u << 10, when_full);
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    int64_t newest[PRODUCERS];
    uint64_t put = 0, got = 0, asked = 0;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.outbox = outbox, .number = i};
        newest[i] = -1;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    while (asked < PRODUCERS * EACH) { /* until all producers are through, by what came and what was refused */
        struct mxt_parcel parcel;
        if (mxt_outbox_next(outbox, 10, &parcel) == MXT_OK) {
            uint32_t who = (uint32_t)(parcel.session_id >> 32);
            int64_t number = (int64_t)(parcel.session_id & UINT32_MAX);
            assert_in_range(who, 0, PRODUCERS - 1);
            assert_true(number > newest[who]);
            newest[who] = number;
            got++;
        }
        asked = got + mxt_outbox_counters(outbox).lost;
    }
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
        put += producers[i].put;
    }
    assert_int_equal(got, put);
    assert_int_equal(mxt_outbox_counters(outbox).lost, PRODUCERS * EACH - put);
    if (when_full == MXT_OUTBOX_WAIT)
        assert_int_equal(put, PRODUCERS * EACH);
    mxt_outbox_free(outbox);
}

static void test_threads_that_wait_lose_nothing(void **state)
{
    (void)state;
    run_threads(MXT_OUTBOX_WAIT);
}

static void test_threads_that_do_not_wait_count_what_is_lost(void **state)
{
    (void)state;
    run_threads(MXT_OUTBOX_DROP);
}

/* A producer that waits for room is let go by the closing. */
static void test_closing_frees_a_waiting_producer(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(16u << 10, MXT_OUTBOX_WAIT);
    struct producer producer = {.outbox = outbox, .number = 1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
    while (mxt_outbox_counters(outbox).parcels == 0) {
        struct timespec moment = {.tv_nsec = 1000000};
        nanosleep(&moment, NULL);
    }
    mxt_outbox_close(outbox);
    pthread_join(thread, NULL);
    assert_true(producer.put > 0 && producer.put < EACH);
    mxt_outbox_free(outbox);
}

static void test_freeing_with_parcels_inside(void **state)
{
    (void)state;
    struct mxt_outbox *outbox = mxt_outbox_new(LARGE, MXT_OUTBOX_DROP);
    struct mxt_parcel parcel;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(put_record(outbox, 1, i), MXT_OK);
    assert_int_equal(mxt_outbox_next(outbox, 0, &parcel), MXT_OK);
    mxt_outbox_free(outbox);
    mxt_outbox_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parcels_come_in_order_and_whole),
        cmocka_unit_test(test_what_is_lent_is_given_back_once), cmocka_unit_test(test_what_finds_no_room_is_counted),
        cmocka_unit_test(test_one_larger_than_all_room_passes_alone),
        cmocka_unit_test(test_closed_gives_the_rest_then_ends),
        cmocka_unit_test(test_waiting_ends_in_time),
        cmocka_unit_test(test_descriptor_tells_of_parcels_and_the_end),
        cmocka_unit_test(test_threads_that_wait_lose_nothing),
        cmocka_unit_test(test_threads_that_do_not_wait_count_what_is_lost),
        cmocka_unit_test(test_closing_frees_a_waiting_producer),
        cmocka_unit_test(test_freeing_with_parcels_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
