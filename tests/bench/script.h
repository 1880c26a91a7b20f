/* What kinds of flows there are: each is a script of turns, in which one side says something and the other listens. */
#ifndef MXT_BENCH_SCRIPT_H
#define MXT_BENCH_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "content.h"
#include "hello.h"
#include "random.h"

enum mxt_side { MXT_CLIENT = 0, MXT_SERVER = 1 };

enum mxt_transport {
    MXT_TRANSPORT_TCP,
    MXT_TRANSPORT_UDP,
    MXT_TRANSPORT_REFUSED, /* a SYN that is answered with a reset */
};

struct mxt_script {
    enum mxt_transport transport;
    uint16_t port;
    bool is_mail;
    bool is_tls;          /* a mail session that goes on in TLS */
    bool is_left_open;    /* neither side closes */
    bool shows_messages;  /* each round of the loop is a message in the clear */
    const uint8_t *steps; /* enum step of script.c */
    uint8_t count;
    uint8_t loop_first; /* the steps that are said again in each round */
    uint8_t loop_last;
    uint8_t rounds_most; /* 1 to so many rounds; 0: the script has no loop */
};

/* Scripts by name, for the mixes. */
extern const struct mxt_script mxt_script_mail_tls12, mxt_script_mail_tls13, mxt_script_mail_plain, mxt_script_mail_pipelined, mxt_script_mail_idle,
    mxt_script_mail_brief, mxt_script_https, mxt_script_http, mxt_script_http_small, mxt_script_ssh, mxt_script_dns, mxt_script_quic, mxt_script_refused;

enum { MXT_TURN_PARTS = 4 };

struct mxt_turn {
    enum mxt_side side;
    uint32_t length;
    unsigned count;
    struct mxt_slice parts[MXT_TURN_PARTS];
};

/* Who speaks: fixed for a flow's life. */
struct mxt_speakers {
    uint16_t server;  /* index into the content's servers */
    uint16_t variant; /* of what the client says */
};

/* The turn of a script's step. `nonce` holds MXT_HELLO_RANDOM_SIZE fresh bytes and is used by reference in hellos. */
struct mxt_turn mxt_script_turn(const struct mxt_script *script, unsigned step, const struct mxt_content *content, const struct mxt_speakers *speakers,
                                const uint8_t *nonce, struct mxt_random *random);

#endif
