#include "script.h"

#include <string.h>

enum step {
    BANNER,
    EHLO,
    EHLO_REPLY,
    STARTTLS,
    GO_AHEAD,
    CLIENT_HELLO_TLS12,
    CLIENT_HELLO_TLS13,
    SERVER_FLIGHT_TLS12,
    SERVER_FLIGHT_TLS13,
    CLIENT_FINISH_TLS12,
    CLIENT_FINISH_TLS13,
    SERVER_FINISH_TLS12,
    CLIENT_RECORD,
    SERVER_RECORD,
    BODY_RECORDS,
    BULK_RECORDS,
    SENDER,
    RECIPIENT,
    DATA,
    ENVELOPE,
    ENVELOPE_REPLY,
    ACCEPTED,
    DATA_REPLY,
    BODY,
    QUEUED,
    QUIT,
    BYE,
    REQUEST,
    RESPONSE,
    RESPONSE_SMALL,
    SSH_CLIENT,
    SSH_SERVER,
    QUESTION,
    ANSWER,
};

#define STEPS(list) .steps = (list), .count = sizeof(list) / sizeof *(list)

static const uint8_t mail_tls12[] = {
    BANNER,        EHLO,          EHLO_REPLY,    STARTTLS,      GO_AHEAD,     CLIENT_HELLO_TLS12, SERVER_FLIGHT_TLS12, CLIENT_FINISH_TLS12, SERVER_FINISH_TLS12,
    CLIENT_RECORD, SERVER_RECORD, CLIENT_RECORD, SERVER_RECORD, BODY_RECORDS, SERVER_RECORD,      CLIENT_RECORD,       SERVER_RECORD};
const struct mxt_script mxt_script_mail_tls12 = {
    .port = 25, .is_mail = true, .is_tls = true, STEPS(mail_tls12), .loop_first = 11, .loop_last = 14, .rounds_most = 3};

static const uint8_t mail_tls13[] = {
    BANNER,        EHLO,          EHLO_REPLY,    STARTTLS,      GO_AHEAD,     CLIENT_HELLO_TLS13, SERVER_FLIGHT_TLS13, CLIENT_FINISH_TLS13,
    CLIENT_RECORD, SERVER_RECORD, CLIENT_RECORD, SERVER_RECORD, BODY_RECORDS, SERVER_RECORD,      CLIENT_RECORD,       SERVER_RECORD};
const struct mxt_script mxt_script_mail_tls13 = {
    .port = 25, .is_mail = true, .is_tls = true, STEPS(mail_tls13), .loop_first = 10, .loop_last = 13, .rounds_most = 3};

static const uint8_t mail_plain[] = {BANNER, EHLO, EHLO_REPLY, SENDER, ACCEPTED, RECIPIENT, ACCEPTED, DATA, DATA_REPLY, BODY, QUEUED, QUIT, BYE};
const struct mxt_script mxt_script_mail_plain = {
    .port = 25, .is_mail = true, .shows_messages = true, STEPS(mail_plain), .loop_first = 3, .loop_last = 10, .rounds_most = 3};

static const uint8_t mail_pipelined[] = {BANNER, EHLO, EHLO_REPLY, ENVELOPE, ENVELOPE_REPLY, BODY, QUEUED, QUIT, BYE};
const struct mxt_script mxt_script_mail_pipelined = {
    .port = 25, .is_mail = true, .shows_messages = true, STEPS(mail_pipelined), .loop_first = 3, .loop_last = 6, .rounds_most = 3};

static const uint8_t mail_idle[] = {BANNER, EHLO, EHLO_REPLY};
const struct mxt_script mxt_script_mail_idle = {.port = 25, .is_mail = true, .is_left_open = true, STEPS(mail_idle)};

static const uint8_t mail_brief[] = {BANNER, EHLO, EHLO_REPLY, QUIT, BYE};
const struct mxt_script mxt_script_mail_brief = {.port = 25, .is_mail = true, STEPS(mail_brief)};

static const uint8_t https[] = {CLIENT_HELLO_TLS13, SERVER_FLIGHT_TLS13, CLIENT_FINISH_TLS13, CLIENT_RECORD, BULK_RECORDS};
const struct mxt_script mxt_script_https = {.port = 443, STEPS(https), .loop_first = 3, .loop_last = 4, .rounds_most = 4};

static const uint8_t http[] = {REQUEST, RESPONSE};
const struct mxt_script mxt_script_http = {.port = 80, STEPS(http), .loop_first = 0, .loop_last = 1, .rounds_most = 4};

static const uint8_t http_small[] = {REQUEST, RESPONSE_SMALL};
const struct mxt_script mxt_script_http_small = {.port = 80, STEPS(http_small)};

static const uint8_t ssh[] = {SSH_SERVER, SSH_CLIENT, CLIENT_RECORD, SERVER_RECORD};
const struct mxt_script mxt_script_ssh = {.port = 22, STEPS(ssh), .loop_first = 2, .loop_last = 3, .rounds_most = 200};

static const uint8_t dns[] = {QUESTION, ANSWER};
const struct mxt_script mxt_script_dns = {.transport = MXT_TRANSPORT_UDP, .port = 53, STEPS(dns)};

static const uint8_t quic[] = {CLIENT_RECORD, BULK_RECORDS};
const struct mxt_script mxt_script_quic = {.transport = MXT_TRANSPORT_UDP, .port = 443, STEPS(quic), .loop_first = 0, .loop_last = 1, .rounds_most = 4};

const struct mxt_script mxt_script_refused = {.transport = MXT_TRANSPORT_REFUSED, .port = 8080};

static struct mxt_slice text(const char *string)
{
    return (struct mxt_slice){(const uint8_t *)string, (uint32_t)strlen(string)};
}

/* Appends what is to be said, and says who does. */
static void say(struct mxt_turn *turn, enum mxt_side side, struct mxt_slice slice)
{
    turn->side = side;
    turn->parts[turn->count++] = slice;
    turn->length += slice.length;
}

/* A flight that begins with a hello, with random bytes of its own. */
static void say_hello(struct mxt_turn *turn, enum mxt_side side, struct mxt_slice flight, const uint8_t *nonce)
{
    const uint32_t behind = MXT_HELLO_RANDOM_AT + MXT_HELLO_RANDOM_SIZE;
    say(turn, side, (struct mxt_slice){flight.bytes, MXT_HELLO_RANDOM_AT});
    say(turn, side, (struct mxt_slice){nonce, MXT_HELLO_RANDOM_SIZE});
    say(turn, side, (struct mxt_slice){flight.bytes + behind, flight.length - behind});
}

/* The steps of SMTP in the clear; false where the step is none of them. */
static bool say_smtp(struct mxt_turn *turn, enum step step, const struct mxt_content *content, const struct mxt_speakers *speakers, struct mxt_random *random)
{
    const struct mxt_server *server = &content->servers[speakers->server];
    const unsigned variant = speakers->variant;
    switch (step) {
    case BANNER: say(turn, MXT_SERVER, server->banner); return true;
    case EHLO: say(turn, MXT_CLIENT, content->ehlo[variant]); return true;
    case EHLO_REPLY: say(turn, MXT_SERVER, server->ehlo_reply); return true;
    case STARTTLS: say(turn, MXT_CLIENT, text("STARTTLS\r\n")); return true;
    case GO_AHEAD: say(turn, MXT_SERVER, text("220 2.0.0 Ready to start TLS\r\n")); return true;
    case SENDER: say(turn, MXT_CLIENT, content->sender[variant]); return true;
    case RECIPIENT: say(turn, MXT_CLIENT, server->recipient); return true;
    case DATA: say(turn, MXT_CLIENT, text("DATA\r\n")); return true;
    case ENVELOPE:
        say(turn, MXT_CLIENT, content->sender[variant]);
        say(turn, MXT_CLIENT, server->recipient);
        say(turn, MXT_CLIENT, text("DATA\r\n"));
        return true;
    case ENVELOPE_REPLY: say(turn, MXT_SERVER, text("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n")); return true;
    case ACCEPTED: say(turn, MXT_SERVER, text("250 2.1.0 Ok\r\n")); return true;
    case DATA_REPLY: say(turn, MXT_SERVER, text("354 End data with <CR><LF>.<CR><LF>\r\n")); return true;
    case BODY:
        say(turn, MXT_CLIENT, content->header[variant]);
        say(turn, MXT_CLIENT, mxt_content_take(&content->text, random, mxt_random_size(random, MXT_BODY_LEAST, MXT_BODY_MOST)));
        say(turn, MXT_CLIENT, text(".\r\n"));
        return true;
    case QUEUED: say(turn, MXT_SERVER, text("250 2.0.0 Ok: queued as 4VrX2k6Zq1z9\r\n")); return true;
    case QUIT: say(turn, MXT_CLIENT, text("QUIT\r\n")); return true;
    case BYE: say(turn, MXT_SERVER, text("221 2.0.0 Bye\r\n")); return true;
    default: return false;
    }
}

/* The steps of TLS; false where the step is none of them. */
static bool say_tls(struct mxt_turn *turn, enum step step, const struct mxt_content *content, const struct mxt_speakers *speakers, const uint8_t *nonce,
                    struct mxt_random *random)
{
    const struct mxt_server *server = &content->servers[speakers->server];
    switch (step) {
    case CLIENT_HELLO_TLS12: say_hello(turn, MXT_CLIENT, server->client_hello[0], nonce); return true;
    case CLIENT_HELLO_TLS13: say_hello(turn, MXT_CLIENT, server->client_hello[1], nonce); return true;
    case SERVER_FLIGHT_TLS12: say_hello(turn, MXT_SERVER, server->flight[0], nonce); return true;
    case SERVER_FLIGHT_TLS13: say_hello(turn, MXT_SERVER, server->flight[1], nonce); return true;
    case CLIENT_FINISH_TLS12: say(turn, MXT_CLIENT, content->client_finish[0]); return true;
    case CLIENT_FINISH_TLS13: say(turn, MXT_CLIENT, content->client_finish[1]); return true;
    case SERVER_FINISH_TLS12: say(turn, MXT_SERVER, content->server_finish_tls12); return true;
    case CLIENT_RECORD: say(turn, MXT_CLIENT, mxt_content_take(&content->small_records, random, 1)); return true;
    case SERVER_RECORD: say(turn, MXT_SERVER, mxt_content_take(&content->small_records, random, 1)); return true;
    case BODY_RECORDS: say(turn, MXT_CLIENT, mxt_content_take(&content->records, random, mxt_random_size(random, MXT_BODY_LEAST, MXT_BODY_MOST))); return true;
    case BULK_RECORDS: say(turn, MXT_SERVER, mxt_content_take(&content->records, random, mxt_random_size(random, MXT_BODY_LEAST, MXT_BULK_MOST))); return true;
    default: return false;
    }
}

/* What has nothing to do with mail. */
static void say_other(struct mxt_turn *turn, enum step step, const struct mxt_content *content, const struct mxt_speakers *speakers, struct mxt_random *random)
{
    uint32_t most = step == RESPONSE ? MXT_BODY_MOST : 4000;
    switch (step) {
    case REQUEST: say(turn, MXT_CLIENT, text("GET /picture.png HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")); break;
    case RESPONSE:
    case RESPONSE_SMALL:
        say(turn, MXT_SERVER, text("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n\r\n"));
        say(turn, MXT_SERVER, mxt_content_take(&content->text, random, mxt_random_size(random, 200, most)));
        break;
    case SSH_CLIENT: say(turn, MXT_CLIENT, text("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")); break;
    case SSH_SERVER: say(turn, MXT_SERVER, text("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")); break;
    case QUESTION: say(turn, MXT_CLIENT, content->question[speakers->variant]); break;
    default: say(turn, MXT_SERVER, content->answer[speakers->variant]); break;
    }
}

struct mxt_turn mxt_script_turn(const struct mxt_script *script, unsigned step, const struct mxt_content *content, const struct mxt_speakers *speakers,
                                const uint8_t *nonce, struct mxt_random *random)
{
    struct mxt_turn turn = {0};
    enum step which = (enum step)script->steps[step];
    if (!say_smtp(&turn, which, content, speakers, random) && !say_tls(&turn, which, content, speakers, nonce, random))
        say_other(&turn, which, content, speakers, random);
    return turn;
}
