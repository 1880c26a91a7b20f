#include "sensor/report.h"

#include <string.h>
#include <time.h>

#define MESSAGES_SHOWN 3 /* of one session; the rest is counted */
#define RECIPIENTS_SHOWN 3
#define TIME_TEXT 32

/* Colours of severities on a terminal (ECMA-48), gravest last. */
static const char *const colours[] = {"", "\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m"};
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static const char *colour(const struct mxt_report *report, const char *code)
{
    return report->has_colour ? code : "";
}

static void format_time(int64_t time_us, char *text)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%SZ", &parts) == 0)
        strcpy(text, "?");
}

static void print_endpoint(FILE *stream, const struct mxt_address *address, uint16_t port)
{
    char text[MXT_ADDRESS_TEXT];
    mxt_address_format(address, text);
    fprintf(stream, mxt_address_is_ipv4(address) ? "%s:%u" : "[%s]:%u", text, port);
}

static bool is_encrypted(const struct mxt_record *record)
{
    return record->tls != NULL && (record->tls->outcome == MXT_TLS_ESTABLISHED || record->tls->outcome == MXT_TLS_DECRYPTED);
}

static uint32_t exposed_in(const struct mxt_record *record)
{
    return record->smtp == NULL ? 0 : record->smtp->exposed_total;
}

/* What became of the session, in a few words. */
static void print_outcome(FILE *stream, const struct mxt_record *record)
{
    const struct mxt_tls_facts *tls = record->tls;
    if (tls != NULL && tls->outcome == MXT_TLS_DECRYPTED)
        fputs("encrypted (the mirror shows it decrypted)", stream);
    else if (is_encrypted(record))
        fprintf(stream, "encrypted, %s", tls->version != 0 && mxt_tls_version_name(tls->version) != NULL ? mxt_tls_version_name(tls->version) : "version not seen");
    else if (exposed_in(record) > 0)
        fprintf(stream, "%u message%s in the clear", exposed_in(record), exposed_in(record) == 1 ? "" : "s");
    else if (tls != NULL && tls->outcome == MXT_TLS_FAILED)
        fputs("TLS failed", stream);
    else if (tls != NULL)
        fputs("TLS, outcome not seen", stream);
    else
        fputs("no message seen", stream);
}

static void print_head(const struct mxt_report *report, FILE *stream, const struct mxt_record *record)
{
    char when[TIME_TEXT];
    format_time(record->start_us, when);
    fprintf(stream, "%s  ", when);
    print_endpoint(stream, &record->src_ip, record->src_port);
    fputs(" -> ", stream);
    print_endpoint(stream, &record->dest_ip, record->dest_port);
    if (record->smtp != NULL && record->smtp->server_name != NULL)
        fprintf(stream, " %s%s%s", colour(report, BOLD), record->smtp->server_name, colour(report, PLAIN));
    const char *hop = mxt_hop_name(record->hop);
    fprintf(stream, "  %s%s", hop != NULL ? hop : "", hop != NULL ? ", " : "");
    print_outcome(stream, record);
    fputc('\n', stream);
}

/* Prints a label before the first piece of a line, a comma before the others. */
static void piece(FILE *stream, bool *is_first, const char *label)
{
    if (*is_first)
        fprintf(stream, "    %-9s ", label);
    else
        fputs(", ", stream);
    *is_first = false;
}

static void print_dialogue(FILE *stream, const struct mxt_smtp_facts *smtp)
{
    const struct mxt_starttls_facts *starttls = &smtp->starttls;
    bool is_first = true;
    if (smtp->helo != NULL) {
        piece(stream, &is_first, "said");
        fprintf(stream, "%s %s", smtp->is_lmtp ? "LHLO" : smtp->ehlo == MXT_YES ? "EHLO" : "HELO", smtp->helo);
    }
    if (smtp->ehlo_reply_code >= 400) {
        piece(stream, &is_first, "said");
        fprintf(stream, "EHLO refused with %u", smtp->ehlo_reply_code);
    }
    if (starttls->offered != MXT_UNKNOWN) {
        piece(stream, &is_first, "said");
        fprintf(stream, "STARTTLS %s", starttls->offered == MXT_YES ? "offered" : "not offered");
    }
    if (starttls->requested == MXT_YES || starttls->mangled_command != NULL) {
        piece(stream, &is_first, "said");
        fprintf(stream, starttls->mangled_command != NULL ? "asked for as \"%s\"" : "asked for", starttls->mangled_command);
        if (starttls->reply_code != 0)
            fprintf(stream, ", answered %u", starttls->reply_code);
    } else if (starttls->offered == MXT_YES && starttls->requested == MXT_NO) {
        piece(stream, &is_first, "said");
        fputs("never asked for", stream);
    }
    if (smtp->auth.attempts > 0) {
        piece(stream, &is_first, "said");
        fprintf(stream, "AUTH %s", smtp->auth.mechanism != NULL ? smtp->auth.mechanism : "(mechanism not seen)");
    }
    if (!is_first)
        fputc('\n', stream);
}

static void print_certificate(FILE *stream, const struct mxt_tls_facts *tls)
{
    const struct mxt_certificate_facts *certificate = &tls->certificate;
    if (!tls->has_certificate) {
        if (certificate->visible == MXT_NO)
            fputs(", certificate not visible", stream);
        return;
    }
    fprintf(stream, "\n    %-9s %s, %s", "shown", certificate->subject != NULL && certificate->subject[0] != '\0' ? certificate->subject : "no subject",
            certificate->key != NULL ? certificate->key : "unknown key");
    char until[TIME_TEXT];
    format_time(certificate->not_after_us, until);
    fprintf(stream, ", until %.10s", until);
}

static void print_tls(FILE *stream, const struct mxt_tls_facts *tls)
{
    const char *version = mxt_tls_version_name(tls->version);
    fprintf(stream, "    %-9s %s", "TLS", version != NULL ? version : "no version agreed");
    if (tls->cipher != NULL)
        fprintf(stream, " %s", tls->cipher);
    if (tls->sni != NULL)
        fprintf(stream, ", SNI %s", tls->sni);
    if (tls->session_resumed == MXT_YES)
        fputs(", resumed", stream);
    if (tls->outcome == MXT_TLS_FAILED)
        fprintf(stream, ", failed: %s by the %s", tls->alert != NULL ? tls->alert : tls->ended_how != NULL ? tls->ended_how : "ended",
                tls->ended_by == MXT_ENDED_BY_CLIENT ? "client" : tls->ended_by == MXT_ENDED_BY_SERVER ? "server" : "other side");
    print_certificate(stream, tls);
    fputc('\n', stream);
}

static void print_messages(FILE *stream, const struct mxt_smtp_facts *smtp)
{
    unsigned shown = 0;
    for (const struct mxt_message *message = smtp->messages; message != NULL && shown < MESSAGES_SHOWN; message = message->next) {
        if (message->exposed != MXT_YES)
            continue;
        shown++;
        fprintf(stream, "    %-9s <%s> to ", "in clear", message->mail_from != NULL ? message->mail_from : "?");
        for (uint16_t i = 0; i < message->rcpt_to.count && i < RECIPIENTS_SHOWN; i++)
            fprintf(stream, "%s<%s>", i == 0 ? "" : ", ", message->rcpt_to.items[i]);
        if (message->rcpt_to.total > RECIPIENTS_SHOWN)
            fprintf(stream, " and %u more", message->rcpt_to.total - RECIPIENTS_SHOWN);
        fprintf(stream, ", %llu bytes", (unsigned long long)message->bytes);
        if (message->reply_code != 0)
            fprintf(stream, ", answered %u", message->reply_code);
        fputc('\n', stream);
    }
    if (smtp->exposed_total > shown)
        fprintf(stream, "    %-9s %u more message%s\n", "in clear", smtp->exposed_total - shown, smtp->exposed_total - shown == 1 ? "" : "s");
}

static void print_unseen(FILE *stream, const struct mxt_capture_facts *capture)
{
    bool is_first = true;
    if (capture->midstream) {
        piece(stream, &is_first, "unseen");
        fputs("the beginning", stream);
    }
    if (capture->one_sided) {
        piece(stream, &is_first, "unseen");
        fputs("one of the two directions", stream);
    }
    if (capture->gap_bytes_toserver + capture->gap_bytes_toclient > 0) {
        piece(stream, &is_first, "unseen");
        fprintf(stream, "%llu bytes lost by the capture", (unsigned long long)(capture->gap_bytes_toserver + capture->gap_bytes_toclient));
    }
    if (!is_first)
        fputc('\n', stream);
}

static void print_alert(const struct mxt_report *report, FILE *stream, const struct mxt_alert *alert)
{
    const char *severity = mxt_severity_name(alert->severity);
    fprintf(stream, "    %s%-9s%s %s%s%s: %s\n", colour(report, colours[alert->severity]), severity != NULL ? severity : "", colour(report, PLAIN),
            mxt_rule_info(alert->rule)->name, alert->domain != NULL ? " " : "", alert->domain != NULL ? alert->domain : "", alert->explanation);
    if (alert->severity > MXT_SEVERITY_INFO)
        fprintf(stream, "    %-9s %s\n", "  check", alert->remedy);
}

static void count_session(struct mxt_report *report, const struct mxt_record *record)
{
    const struct mxt_tls_facts *tls = record->tls;
    if (tls != NULL && tls->outcome == MXT_TLS_DECRYPTED)
        report->decrypted++;
    else if (is_encrypted(record))
        report->established++;
    else if (exposed_in(record) > 0)
        report->plaintext++;
    else if (tls != NULL && tls->outcome == MXT_TLS_FAILED)
        report->failed++;
    else
        report->silent++;
    if (!is_encrypted(record))
        return;
    if (!tls->has_certificate)
        report->certificate_unseen++;
    else if (tls->certificate.trust == MXT_TRUST_UNCHECKED)
        report->certificate_unchecked++;
    else if (tls->certificate.trust == MXT_TRUST_TRUSTED && record->start_us >= tls->certificate.not_before_us && record->start_us <= tls->certificate.not_after_us)
        report->certificate_good++;
    else
        report->certificate_bad++;
}

void mxt_report_session(struct mxt_report *report, FILE *stream, const struct mxt_record *record, const struct mxt_alert *alerts, size_t count)
{
    enum mxt_severity gravest = MXT_SEVERITY_NONE;
    for (size_t i = 0; i < count; i++) {
        report->alerts[alerts[i].severity]++;
        if (alerts[i].severity > gravest)
            gravest = alerts[i].severity;
    }
    count_session(report, record);
    print_head(report, stream, record);
    if (gravest > MXT_SEVERITY_INFO) {
        if (record->smtp != NULL)
            print_dialogue(stream, record->smtp);
        if (record->tls != NULL && record->tls->outcome != MXT_TLS_DECRYPTED)
            print_tls(stream, record->tls);
        if (record->smtp != NULL)
            print_messages(stream, record->smtp);
        print_unseen(stream, &record->capture);
    }
    for (enum mxt_severity severity = MXT_SEVERITY_CRITICAL; severity > MXT_SEVERITY_NONE; severity--)
        for (size_t i = 0; i < count; i++)
            if (alerts[i].severity == severity)
                print_alert(report, stream, &alerts[i]);
    if (gravest > MXT_SEVERITY_INFO)
        fputc('\n', stream);
}

/* "12 (40 %)" */
static void print_share(FILE *stream, uint64_t part, uint64_t whole)
{
    fprintf(stream, "%llu", (unsigned long long)part);
    if (whole > 0)
        fprintf(stream, " (%llu %%)", (unsigned long long)((part * 100 + whole / 2) / whole));
}

static void print_sessions_line(const struct mxt_report *report, FILE *stream, uint64_t sessions)
{
    fprintf(stream, "  sessions      %llu: encrypted ", (unsigned long long)sessions);
    print_share(stream, report->established + report->decrypted, sessions);
    fputs(", mail in the clear ", stream);
    print_share(stream, report->plaintext, sessions);
    fprintf(stream, ", TLS failed %llu, no mail or not seen %llu\n", (unsigned long long)report->failed, (unsigned long long)report->silent);
}

static void print_capture_line(FILE *stream, const struct mxt_health *health)
{
    fprintf(stream, "  capture       %llu packets, %llu of mail", (unsigned long long)health->packets, (unsigned long long)health->segments);
    if (health->midstream > 0)
        fprintf(stream, ", %llu connections without their beginning", (unsigned long long)health->midstream);
    if (health->one_sided > 0)
        fprintf(stream, ", %llu with one direction only", (unsigned long long)health->one_sided);
    if (health->gap_bytes > 0)
        fprintf(stream, ", %llu bytes lost", (unsigned long long)health->gap_bytes);
    if (health->malformed + health->unsupported > 0)
        fprintf(stream, ", %llu packets not understood", (unsigned long long)(health->malformed + health->unsupported));
    fputc('\n', stream);
}

void mxt_report_summary(const struct mxt_report *report, FILE *stream, const struct mxt_health *health)
{
    fprintf(stream, "%sSummary%s\n", colour(report, BOLD), colour(report, PLAIN));
    print_sessions_line(report, stream, health->sessions);
    fprintf(stream, "  certificates  of the encrypted: good %llu, bad %llu, not checked %llu, not visible %llu\n", (unsigned long long)report->certificate_good,
            (unsigned long long)report->certificate_bad, (unsigned long long)report->certificate_unchecked, (unsigned long long)report->certificate_unseen);
    fprintf(stream, "  messages      %llu in the clear, %llu of all delivered\n", (unsigned long long)health->messages_exposed, (unsigned long long)health->messages_delivered);
    fputs("  alerts       ", stream);
    for (enum mxt_severity severity = MXT_SEVERITY_CRITICAL; severity > MXT_SEVERITY_NONE; severity--)
        fprintf(stream, " %s%llu %s%s%s", colour(report, report->alerts[severity] > 0 ? colours[severity] : ""), (unsigned long long)report->alerts[severity],
                mxt_severity_name(severity), colour(report, report->alerts[severity] > 0 ? PLAIN : ""), severity > MXT_SEVERITY_INFO ? "," : "\n");
    print_capture_line(stream, health);
    if (health->advice != NULL)
        fprintf(stream, "  advice        %s\n", health->advice);
}
