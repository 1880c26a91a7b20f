#include "sensor/probe.h"

#include <stdlib.h>
#include <string.h>

#include "decoders/smtp.h"

#define TLS_RECORD_FIRST 0x14 /* RFC 8446 B.1: the types of records */
#define TLS_RECORD_LAST  0x17
#define TLS_MAJOR        3
#define SSL2_BIT         0x80 /* begins an SSL 2 hello */

/* What is known of a flow beyond its standing; there is one only where nDPI is asked or the bytes of a candidate are counted. */
struct mxt_probe {
    struct mxt_identify_flow *asked; /* NULL: nDPI has answered, or is not asked */
    const char *name;                /* its answer */
    uint32_t bytes;
    bool is_server_odd; /* the server's first bytes are neither SMTP nor TLS */
};

bool mxt_probes_init(struct mxt_probes *probes, const struct mxt_port_set *mail_ports)
{
    *probes = (struct mxt_probes){.identify = mxt_identify_new(), .mail_ports = *mail_ports};
    return probes->identify != NULL;
}

void mxt_probes_clear(struct mxt_probes *probes)
{
    mxt_identify_free(probes->identify);
    probes->identify = NULL;
}

static bool is_on_mail_port(const struct mxt_probes *probes, const struct mxt_flow *flow)
{
    return mxt_port_set_has(&probes->mail_ports, flow->server_port) || mxt_port_set_has(&probes->mail_ports, flow->client_port);
}

static unsigned spoken_bit(enum mxt_direction direction)
{
    return direction == MXT_TOSERVER ? 1 : 2;
}

/* At the first look: what its ports say, and that its client spoke before there was a flow. */
static void meet(const struct mxt_probes *probes, struct mxt_flow *flow)
{
    if (flow->standing != MXT_FLOW_NEW)
        return;
    flow->standing = is_on_mail_port(probes, flow) ? MXT_FLOW_MAIL_PORT : MXT_FLOW_CANDIDATE;
    if (flow->skipped > 0)
        flow->spoken = (flow->spoken | spoken_bit(MXT_TOSERVER)) & 3u;
}

/* Marks that a direction has spoken; whether this was its first word. */
static bool speaks_first(struct mxt_flow *flow, enum mxt_direction direction)
{
    bool is_first = (flow->spoken & spoken_bit(direction)) == 0 && !mxt_tcp_is_midstream(flow->tcp);
    flow->spoken = (flow->spoken | spoken_bit(direction)) & 3u;
    return is_first;
}

static bool is_tls(const uint8_t *p, size_t n)
{
    if (p[0] >= TLS_RECORD_FIRST && p[0] <= TLS_RECORD_LAST)
        return n < 2 || p[1] == TLS_MAJOR;
    return (p[0] & SSL2_BIT) != 0;
}

static bool is_proxy_header(const uint8_t *p, size_t n)
{
    static const char v1[] = "PROXY ", v2[] = "\r\n\r\n";
    return memcmp(p, v1, n < sizeof v1 - 1 ? n : sizeof v1 - 1) == 0 || memcmp(p, v2, n < sizeof v2 - 1 ? n : sizeof v2 - 1) == 0;
}

/* ---- nDPI ---- */

static struct mxt_probe *open_probe(struct mxt_probes *probes, struct mxt_flow *flow)
{
    if (flow->probe != NULL)
        return flow->probe;
    flow->probe = calloc(1, sizeof *flow->probe);
    if (flow->probe == NULL) {
        probes->refused++;
        return NULL;
    }
    flow->probe->asked = mxt_identify_open(probes->identify);
    if (flow->probe->asked == NULL)
        probes->refused++;
    return flow->probe;
}

static enum mxt_identified ask(struct mxt_probes *probes, struct mxt_probe *probe, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    if (probe->asked == NULL)
        return MXT_IDENTIFIED_NEVER;
    enum mxt_identified answer = mxt_identify_feed(probes->identify, probe->asked, direction, p, n, time_us, &probe->name);
    if (answer != MXT_IDENTIFIED_NOT_YET) {
        mxt_identify_close(probes->identify, probe->asked);
        probe->asked = NULL;
    }
    return answer;
}

void mxt_probe_close(struct mxt_probes *probes, struct mxt_flow *flow)
{
    if (flow->probe == NULL)
        return;
    mxt_identify_close(probes->identify, flow->probe->asked);
    free(flow->probe);
    flow->probe = NULL;
}

static void settle(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_flow_standing standing)
{
    flow->standing = (unsigned)standing & 7u;
    mxt_probe_close(probes, flow);
}

/* ---- on a mail port ---- */

/* Whether SMTP or TLS may begin so. */
static bool is_ordinary(enum mxt_direction direction, const uint8_t *p, size_t n)
{
    if (is_tls(p, n))
        return true;
    if (direction == MXT_TOCLIENT)
        return p[0] >= '0' && p[0] <= '9';
    return mxt_smtp_is_server_speech(p, n) == MXT_NO || is_proxy_header(p, n);
}

static void look_on_mail_port(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    bool is_first = speaks_first(flow, direction), is_odd = is_first && !is_ordinary(direction, p, n);
    if (mxt_tcp_is_midstream(flow->tcp) || (is_first && !is_odd && direction == MXT_TOCLIENT)) {
        settle(probes, flow, MXT_FLOW_MAIL);
        return;
    }
    if (is_odd && open_probe(probes, flow) == NULL) {
        flow->standing = MXT_FLOW_MAIL;
        return;
    }
    struct mxt_probe *probe = flow->probe;
    if (probe == NULL)
        return;
    probe->is_server_odd = probe->is_server_odd || (is_odd && direction == MXT_TOCLIENT);
    enum mxt_identified answer = probe->name == NULL ? ask(probes, probe, direction, p, n, time_us) : MXT_IDENTIFIED_OTHER;
    /* The probe keeps the name; what the client alone speaks says nothing of the server. */
    if (answer == MXT_IDENTIFIED_MAIL || answer == MXT_IDENTIFIED_NEVER)
        settle(probes, flow, MXT_FLOW_MAIL);
    else if (answer == MXT_IDENTIFIED_OTHER && probe->is_server_odd)
        flow->standing = MXT_FLOW_MAIL;
}

const char *mxt_probe_protocol(const struct mxt_flow *flow)
{
    return flow->probe != NULL && flow->probe->is_server_odd && flow->standing == MXT_FLOW_MAIL ? flow->probe->name : NULL;
}

/* ---- off the mail ports ---- */

enum mxt_flow_standing mxt_probe_first_words(enum mxt_direction direction, const uint8_t *p, size_t n, uint64_t skipped, bool is_midstream)
{
    if (direction == MXT_TOCLIENT && !is_midstream)
        return mxt_smtp_is_greeting(p, n) != MXT_NO ? MXT_FLOW_CANDIDATE : MXT_FLOW_FOREIGN;
    if (mxt_smtp_is_server_speech(p, n) != MXT_UNKNOWN)
        return MXT_FLOW_CANDIDATE;
    if (is_midstream)
        return MXT_FLOW_FOREIGN;
    if (skipped == 0 && is_proxy_header(p, n))
        return MXT_FLOW_CANDIDATE;
    /* Bytes that need not be read yet. Whoever sends many before the server has greeted speaks something else. */
    return skipped + n > MXT_PROBE_BYTES ? MXT_FLOW_FOREIGN : MXT_FLOW_NEW;
}

static bool admit_candidate(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    bool has_server_spoken = (flow->spoken & spoken_bit(MXT_TOCLIENT)) != 0, is_first = speaks_first(flow, direction);
    if (flow->session != NULL && !(direction == MXT_TOCLIENT && is_first))
        return true;
    bool is_beginning = direction == MXT_TOCLIENT ? is_first : !has_server_spoken && !mxt_tcp_is_midstream(flow->tcp);
    switch (mxt_probe_first_words(direction, p, n, is_first ? 0 : flow->skipped, !is_beginning)) {
    case MXT_FLOW_CANDIDATE: return true;
    case MXT_FLOW_NEW: flow->skipped = (uint16_t)(flow->skipped + n); return false;
    default: settle(probes, flow, MXT_FLOW_FOREIGN); return false;
    }
}

static void look_at_candidate(struct mxt_probes *probes, struct mxt_flow *flow, const struct mxt_session *session, enum mxt_direction direction, const uint8_t *p,
                              size_t n, int64_t time_us)
{
    if (mxt_session_is_evident(session)) {
        probes->claimed++;
        settle(probes, flow, MXT_FLOW_MAIL);
        return;
    }
    struct mxt_probe *probe = open_probe(probes, flow);
    if (probe == NULL || n > MXT_PROBE_BYTES || probe->bytes + n > MXT_PROBE_BYTES) {
        settle(probes, flow, MXT_FLOW_FOREIGN);
        return;
    }
    probe->bytes += (uint32_t)n;
    enum mxt_identified answer = ask(probes, probe, direction, p, n, time_us);
    probes->claimed += answer == MXT_IDENTIFIED_MAIL;
    if (answer == MXT_IDENTIFIED_MAIL || answer == MXT_IDENTIFIED_OTHER)
        settle(probes, flow, answer == MXT_IDENTIFIED_MAIL ? MXT_FLOW_MAIL : MXT_FLOW_FOREIGN);
}

/* ---- the interface ---- */

bool mxt_probe_admit(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, uint64_t *skipped)
{
    *skipped = 0;
    meet(probes, flow);
    if (flow->standing == MXT_FLOW_MAIL_PORT)
        return true;
    if (!admit_candidate(probes, flow, direction, p, n))
        return false;
    if (flow->session == NULL)
        *skipped = flow->skipped;
    return true;
}

void mxt_probe_look(struct mxt_probes *probes, struct mxt_flow *flow, const struct mxt_session *session, enum mxt_direction direction, const uint8_t *p, size_t n,
                    int64_t time_us)
{
    if (flow->standing == MXT_FLOW_MAIL_PORT)
        look_on_mail_port(probes, flow, direction, p, n, time_us);
    else
        look_at_candidate(probes, flow, session, direction, p, n, time_us);
}

void mxt_probe_gap(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing)
{
    meet(probes, flow);
    bool is_first = speaks_first(flow, direction);
    if (flow->standing == MXT_FLOW_MAIL_PORT && is_first)
        settle(probes, flow, MXT_FLOW_MAIL); /* what it said first is not known */
    else if (flow->standing == MXT_FLOW_CANDIDATE && missing > MXT_PROBE_BYTES)
        settle(probes, flow, MXT_FLOW_FOREIGN);
}
