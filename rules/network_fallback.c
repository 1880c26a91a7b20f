/* Mail sent in the clear after TLS failed in an earlier session (RFC 3207 section 6). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rules/network.h"

#define SESSION_TEXT 17 /* bytes that hold a session's id in hex, NUL included */

/* The failure that this session's plaintext follows; NULL: none within the time. In the same pair, TLS that worked since then ends the matter. */
static const struct mxt_sighting *failure_in(const struct mxt_network_case *n, const struct mxt_baseline *baseline)
{
    for (size_t i = baseline == NULL ? 0 : baseline->count; i > 0; i--) {
        const struct mxt_sighting *sighting = &baseline->sightings[i - 1];
        if (!mxt_network_is_earlier(n, sighting))
            continue;
        if (n->sighting.time_us - sighting->time_us > n->config->fallback_window_us || sighting->attempt == MXT_ATTEMPT_ESTABLISHED)
            return NULL;
        if (mxt_sighting_has_failed(sighting))
            return sighting;
    }
    return NULL;
}

/* Whether the client had TLS with this very server since. */
static bool has_succeeded_since(const struct mxt_network_case *n, const struct mxt_sighting *failure)
{
    const struct mxt_baseline *pair = mxt_network_baseline(n, MXT_SUBJECT_CLIENT_SERVER);
    for (size_t i = 0; pair != NULL && i < pair->count; i++) {
        const struct mxt_sighting *sighting = &pair->sightings[i];
        if (sighting->attempt == MXT_ATTEMPT_ESTABLISHED && mxt_network_is_earlier(n, sighting) &&
            mxt_sighting_is_earlier(failure->time_us, failure->session, sighting->time_us, sighting->session))
            return true;
    }
    return false;
}

/* The latest failure of this client with this server, or of its HELO domain with the server or another MX of the domain. */
static const struct mxt_sighting *find_failure(const struct mxt_network_case *n, enum mxt_subject_kind *kind)
{
    const struct mxt_sighting *found = failure_in(n, mxt_network_baseline(n, MXT_SUBJECT_CLIENT_SERVER));
    *kind = MXT_SUBJECT_CLIENT_SERVER;
    for (size_t i = 0; i < n->count && found == NULL; i++) {
        if (n->subjects[i].kind != MXT_SUBJECT_HELO_DOMAIN)
            continue;
        found = failure_in(n, n->baselines[i]);
        *kind = MXT_SUBJECT_HELO_DOMAIN;
        if (found != NULL && has_succeeded_since(n, found))
            found = NULL;
    }
    return found;
}

void mxt_network_judge_fallback(const struct mxt_network_case *n)
{
    const struct mxt_case *c = n->c;
    enum mxt_subject_kind kind;
    const struct mxt_sighting *failure = n->sighting.is_exposed ? find_failure(n, &kind) : NULL;
    if (failure == NULL)
        return;
    char session[SESSION_TEXT];
    snprintf(session, sizeof session, "%016" PRIx64, failure->session);
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_FALLBACK, MXT_SEVERITY_HIGH);
    mxt_case_text(c, finding, "after", failure->attempt == MXT_ATTEMPT_REFUSED ? "STARTTLS was refused" : "the TLS handshake was aborted");
    mxt_case_text(c, finding, "failed_session", mxt_arena_copy(c->arena, session, strlen(session)));
    mxt_case_time(c, finding, "failed_at", failure->time_us);
    mxt_case_text(c, finding, "failed_with",
                  kind == MXT_SUBJECT_CLIENT_SERVER ? "the same client and server"
                                                    : "a client of the same HELO domain, at the same server or another MX of the domain");
    mxt_case_exposure(c, finding);
}
