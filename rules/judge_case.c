#include "rules/judge_case.h"

#include <string.h>

#include "decoders/certificate.h"
#include "rules/json.h"

static const struct mxt_smtp_facts no_smtp;
static const struct mxt_tls_facts no_tls;

struct mxt_case mxt_case_of(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_finding **findings)
{
    return (struct mxt_case){
        .record = record,
        .smtp = record->smtp == NULL ? &no_smtp : record->smtp,
        .tls = record->tls == NULL ? &no_tls : record->tls,
        .arena = arena,
        .findings = findings,
        .refused = arena->failures,
    };
}

enum mxt_status mxt_case_status(const struct mxt_case *c)
{
    return c->arena->failures == c->refused ? MXT_OK : MXT_ENOMEM;
}

struct mxt_finding *mxt_case_raise(const struct mxt_case *c, enum mxt_rule rule, enum mxt_severity severity)
{
    return mxt_finding_add(c->findings, c->arena, rule, severity);
}

void mxt_case_text(const struct mxt_case *c, struct mxt_finding *finding, const char *key, const char *text)
{
    if (finding != NULL && text != NULL)
        mxt_evidence_text(finding, c->arena, key, text);
}

void mxt_case_number(const struct mxt_case *c, struct mxt_finding *finding, const char *key, uint64_t number)
{
    if (finding != NULL && number != 0)
        mxt_evidence_number(finding, c->arena, key, number > INT64_MAX ? INT64_MAX : (int64_t)number);
}

void mxt_case_list(const struct mxt_case *c, struct mxt_finding *finding, const char *key, const struct mxt_text_list *list)
{
    if (finding != NULL && list->count > 0)
        mxt_evidence_list(finding, c->arena, key, list);
}

void mxt_case_time(const struct mxt_case *c, struct mxt_finding *finding, const char *key, int64_t time_us)
{
    char text[MXT_JSON_TIME];
    mxt_json_time_format(time_us, text);
    char *dot = strchr(text, '.');
    if (dot != NULL)
        memcpy(dot, "Z", 2);
    mxt_case_text(c, finding, key, mxt_arena_copy(c->arena, text, strlen(text)));
}

void mxt_case_exposure(const struct mxt_case *c, struct mxt_finding *finding)
{
    mxt_case_number(c, finding, "exposed_messages", c->smtp->exposed_total);
    if (c->smtp->exposed_total != 0)
        mxt_case_number(c, finding, "delivered_messages", c->smtp->delivered_total);
}

bool mxt_case_is_decrypted(const struct mxt_case *c)
{
    return c->tls->outcome == MXT_TLS_DECRYPTED;
}

bool mxt_case_is_exposed(const struct mxt_case *c)
{
    return c->smtp->exposed_total != 0 && !mxt_case_is_decrypted(c);
}

bool mxt_case_is_established(const struct mxt_case *c)
{
    return c->tls->outcome == MXT_TLS_ESTABLISHED;
}

static const char *domain_name(const char *name)
{
    return name != NULL && mxt_name_is_domain(name) ? name : NULL;
}

const char *mxt_case_sni(const struct mxt_case *c)
{
    return domain_name(c->tls->sni);
}

const char *mxt_case_banner_name(const struct mxt_case *c)
{
    return domain_name(c->smtp->server_name);
}

bool mxt_case_is_mangled(const struct mxt_case *c)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    return starttls->mangled_command != NULL && starttls->reply_code >= 400;
}

bool mxt_case_is_refused(const struct mxt_case *c)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    return starttls->requested == MXT_YES && starttls->mangled_command == NULL && starttls->reply_code != 0 && starttls->reply_code != 220;
}

bool mxt_case_is_aborted(const struct mxt_case *c)
{
    const struct mxt_record *record = c->record;
    if (c->smtp->starttls.requested != MXT_YES || c->smtp->starttls.reply_code != 220)
        return false;
    if (record->tls != NULL)
        return c->tls->outcome == MXT_TLS_FAILED && c->tls->mode != MXT_TLS_IMPLICIT;
    /* Not one TLS record came, although the session was seen to its end. */
    const struct mxt_capture_facts *capture = &record->capture;
    bool is_closed = capture->ended != NULL && (strcmp(capture->ended, "fin") == 0 || strcmp(capture->ended, "rst") == 0);
    return record->final && is_closed && !capture->one_sided && capture->gap_bytes_toserver == 0 && capture->gap_bytes_toclient == 0;
}

const char *mxt_case_failed_attempt(const struct mxt_case *c)
{
    if (mxt_case_is_mangled(c))
        return "the STARTTLS command was overwritten and refused";
    if (mxt_case_is_refused(c))
        return "STARTTLS was refused";
    if (mxt_case_is_aborted(c))
        return "the TLS handshake was aborted";
    return NULL;
}
