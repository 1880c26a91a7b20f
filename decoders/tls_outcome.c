#include "decoders/tls_outcome.h"

#include "decoders/tls_names.h"

/* Around the content of a TLS 1.3 record: the content's type and the tag (RFC 8446 5.2). */
#define TAG 16u
#define TAG_CCM_8 8u
#define ALERT_SIZE 2u
#define HANDSHAKE_HEADER 4u

/*
 * Without a record of Finished's size (padding, or a client certificate in one record with it): how often encrypted data change hands before there is no
 * doubt. Client's flight, tickets, command, reply are 4. Where records may be missing, or early data stand among them, 6 are more than any handshake has.
 */
#define TURNS 4u
#define TURNS_HIDDEN 6u

/* SSL 2, each way: hello, key or verify, finished, and one record more. */
#define SSL2_RECORDS 4u

#define CLOSE_NOTIFY 0u
#define USER_CANCELED 90u
#define LEVEL_FATAL 2u

static unsigned overhead(uint16_t cipher)
{
    return 1 + (cipher == 0x1305 ? TAG_CCM_8 : TAG); /* TLS_AES_128_CCM_8_SHA256 */
}

static bool is_alert_sized(const struct mxt_tls_facts *facts, uint16_t length)
{
    return length == ALERT_SIZE + overhead(facts->cipher_id);
}

static bool is_finished_sized(const struct mxt_tls_facts *facts, uint16_t length)
{
    unsigned hash = facts->cipher_id == 0x1302 ? 48 : 32; /* TLS_AES_256_GCM_SHA384 is the only suite of TLS 1.3 with another hash */
    return length == HANDSHAKE_HEADER + hash + overhead(facts->cipher_id);
}

static bool is_undecided(const struct mxt_tls_facts *facts)
{
    return facts->outcome == MXT_TLS_OUTCOME_UNKNOWN;
}

static void fail(struct mxt_tls_facts *facts, enum mxt_direction by, const char *how)
{
    facts->outcome = MXT_TLS_FAILED;
    facts->ended_by = by == MXT_TOSERVER ? MXT_ENDED_BY_CLIENT : MXT_ENDED_BY_SERVER;
    facts->ended_how = how;
}

bool mxt_tls_outcome_is_encrypted(const struct mxt_tls_progress *progress, const struct mxt_tls_facts *facts, enum mxt_direction direction,
                                  enum mxt_tls_record_type type)
{
    if (type == MXT_TLS_APPLICATION_DATA)
        return true;
    if (type == MXT_TLS_SSL2_RECORD)
        return facts->version == MXT_TLS_SSL2 && progress->side[direction].records > (direction == MXT_TOSERVER ? 2 : 1);
    /* TLS 1.3 sends ChangeCipherSpec for the middleboxes' sake only, before the second ClientHello too (RFC 8446 D.4). */
    return type != MXT_TLS_CHANGE_CIPHER_SPEC && progress->side[direction].has_changed_cipher && !mxt_tls_is_1_3(facts->version);
}

bool mxt_tls_outcome_is_plain_alert(const struct mxt_tls_progress *progress, const struct mxt_tls_facts *facts, enum mxt_direction direction,
                                    uint16_t length)
{
    return length == ALERT_SIZE ||
           (!progress->is_hidden && !mxt_tls_outcome_is_encrypted(progress, facts, direction, MXT_TLS_ALERT));
}

/* Counts how often encrypted data change hands, and tells when that leaves no doubt. */
static bool has_taken_turns(struct mxt_tls_progress *progress, enum mxt_direction direction)
{
    bool is_clients_turn = progress->turns % 2 == 0;
    if ((direction == MXT_TOSERVER) == is_clients_turn && progress->turns < UINT8_MAX)
        progress->turns++;
    return progress->turns >= (progress->is_hidden || progress->has_early_data ? TURNS_HIDDEN : TURNS);
}

static void see_data_1_3(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, uint16_t length)
{
    if (!progress->has_server_hello)
        return; /* early data */
    if (is_alert_sized(facts, length)) {
        if (!progress->is_hidden)
            fail(facts, direction, "alert_sized_record");
        return;
    }
    bool has_turned = has_taken_turns(progress, direction);
    if (direction == MXT_TOCLIENT) {
        if (progress->has_more || (has_turned && !progress->has_finished))
            facts->outcome = MXT_TLS_ESTABLISHED;
    } else if (progress->has_finished) {
        progress->has_more = true;
    } else if (!progress->has_early_data && !progress->is_hidden && is_finished_sized(facts, length)) {
        progress->has_finished = true;
    }
}

static void see_data(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, uint16_t length)
{
    if (mxt_tls_is_1_3(facts->version)) {
        see_data_1_3(progress, facts, direction, length);
        return;
    }
    if (facts->version == 0) {
        if (progress->is_hidden && has_taken_turns(progress, direction))
            facts->outcome = MXT_TLS_ESTABLISHED;
        return;
    }
    /* TLS 1.2 and below send none before their Finished; a side that did is believed only where a gap may hide its ChangeCipherSpec. */
    if (progress->side[direction].has_changed_cipher || progress->is_hidden)
        progress->side[direction].has_data = true;
    if (progress->side[MXT_TOSERVER].has_data && progress->side[MXT_TOCLIENT].has_data)
        facts->outcome = MXT_TLS_ESTABLISHED;
}

static void see_ssl2(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts)
{
    if (facts->version == MXT_TLS_SSL2 && !progress->is_hidden && progress->side[MXT_TOSERVER].records >= SSL2_RECORDS &&
        progress->side[MXT_TOCLIENT].records >= SSL2_RECORDS)
        facts->outcome = MXT_TLS_ESTABLISHED;
}

/* Whether this record answers something that the other side, silent so far, must have sent. */
static bool is_answer(const struct mxt_tls_progress *progress, enum mxt_direction direction, enum mxt_tls_record_type type)
{
    if (type == MXT_TLS_ALERT)
        return false;
    if (direction == MXT_TOCLIENT)
        return true;
    return progress->has_client_hello && !progress->has_early_data;
}

void mxt_tls_outcome_record(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction,
                            enum mxt_tls_record_type type, uint16_t length)
{
    if (!is_undecided(facts))
        return;
    struct mxt_tls_side *side = &progress->side[direction];
    if (!progress->side[mxt_direction_other(direction)].has_sent && is_answer(progress, direction, type))
        progress->is_hidden = true;
    if (type == MXT_TLS_SSL2_RECORD && side->records < UINT32_MAX)
        side->records++;
    bool is_encrypted = mxt_tls_outcome_is_encrypted(progress, facts, direction, type);
    if (is_encrypted && direction == MXT_TOSERVER)
        facts->encrypted_toserver += length;
    else if (is_encrypted)
        facts->encrypted_toclient += length;

    if (type == MXT_TLS_CHANGE_CIPHER_SPEC) {
        side->has_changed_cipher = true;
    } else if (type == MXT_TLS_APPLICATION_DATA) {
        see_data(progress, facts, direction, length);
    } else if (type == MXT_TLS_SSL2_RECORD) {
        see_ssl2(progress, facts);
    } else if (type == MXT_TLS_ALERT && is_encrypted && length != ALERT_SIZE && !progress->is_hidden) {
        facts->alert = "encrypted";
        facts->alert_by = direction == MXT_TOSERVER ? MXT_ENDED_BY_CLIENT : MXT_ENDED_BY_SERVER;
        fail(facts, direction, "alert");
    }
}

bool mxt_tls_outcome_alert(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, uint8_t level,
                           uint8_t description)
{
    if (!is_undecided(facts))
        return false;
    if (level != LEVEL_FATAL && description != CLOSE_NOTIFY && description != USER_CANCELED) {
        progress->has_warning = true;
        progress->warning = description;
        progress->warning_by = direction;
        return false;
    }
    facts->alert_by = direction == MXT_TOSERVER ? MXT_ENDED_BY_CLIENT : MXT_ENDED_BY_SERVER;
    fail(facts, direction, "alert");
    return true;
}

void mxt_tls_outcome_close(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, enum mxt_close how)
{
    progress->side[direction].has_sent = true;
    if (!is_undecided(facts) || progress->is_hidden)
        return;
    fail(facts, direction, how == MXT_CLOSE_RST ? "reset" : "close");
}

void mxt_tls_outcome_finish(const struct mxt_tls_progress *progress, struct mxt_tls_facts *facts)
{
    if (is_undecided(facts) && !progress->is_hidden)
        facts->outcome = MXT_TLS_INCOMPLETE;
}
