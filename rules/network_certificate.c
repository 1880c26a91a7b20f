/* A server's certificate against those that it showed before. */
#include "rules/judge_certificate.h"
#include "rules/network.h"

#define LAST_PART 3 /* of a certificate's life, in which its successor is expected: the last third, when automatic renewal sets in */

/* What the server showed before, for the same name and with the same kind of key. */
struct shown {
    const struct mxt_sighting *last;
    bool is_known; /* the key or the issuing organisation is among them */
};

static struct shown shown_before(const struct mxt_network_case *n)
{
    const struct mxt_sighting *own = &n->sighting;
    const struct mxt_baseline *server = mxt_network_baseline(n, MXT_SUBJECT_SERVER);
    struct shown shown = {.last = NULL};
    for (size_t i = 0; server != NULL && i < server->count && mxt_network_is_earlier(n, &server->sightings[i]); i++) {
        const struct mxt_sighting *sighting = &server->sightings[i];
        if (sighting->certificate_key == 0 || sighting->certificate_sni != own->certificate_sni || sighting->is_key_rsa != own->is_key_rsa)
            continue;
        shown.last = sighting;
        bool is_same_issuer = own->certificate_issuer == 0 || sighting->certificate_issuer == 0 || sighting->certificate_issuer == own->certificate_issuer;
        shown.is_known = shown.is_known || sighting->certificate_key == own->certificate_key || is_same_issuer;
    }
    return shown;
}

/* Whether a change is expected by then, or the dates do not tell. */
static bool is_in_last_part(const struct mxt_sighting *sighting, int64_t time_us)
{
    if (sighting->not_before_us == 0 || sighting->not_after_us <= sighting->not_before_us)
        return true;
    return time_us >= sighting->not_after_us - (sighting->not_after_us - sighting->not_before_us) / LAST_PART;
}

bool mxt_network_is_new_certificate(const struct mxt_network_case *n)
{
    return n->sighting.certificate_key != 0 && !shown_before(n).is_known;
}

void mxt_network_judge_certificate(const struct mxt_network_case *n)
{
    const struct mxt_case *c = n->c;
    if (n->sighting.certificate_key == 0)
        return;
    struct shown shown = shown_before(n);
    if (shown.last == NULL || shown.is_known || is_in_last_part(shown.last, n->sighting.time_us))
        return;
    bool has_lost_trust = shown.last->is_trusted && mxt_case_is_untrusted(c);
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_CHANGED, has_lost_trust ? MXT_SEVERITY_HIGH : MXT_SEVERITY_MEDIUM);
    mxt_case_text(c, finding, "issuer", c->tls->certificate.issuerdn);
    mxt_case_text(c, finding, "trust", mxt_trust_name(c->tls->certificate.trust));
    mxt_case_time(c, finding, "old_seen_at", shown.last->time_us);
    mxt_case_time(c, finding, "old_not_after", shown.last->not_after_us);
    if (finding != NULL)
        mxt_evidence_bool(finding, c->arena, "old_trusted", shown.last->is_trusted);
    mxt_case_text(c, finding, "sni", c->tls->sni);
    mxt_case_list(c, finding, "names", &c->tls->certificate.subject_alt_names);
    mxt_case_certificate(c, finding);
}
