/* The summary: sessions, protected share, certificates, messages, alerts, and what the capture could not show. */
#include "sensor/report_int.h"

void mxt_report_count_session(struct mxt_report *report, const struct mxt_record *record)
{
    const struct mxt_tls_facts *tls = record->tls;
    if (tls != NULL && tls->outcome == MXT_TLS_DECRYPTED)
        report->decrypted++;
    else if (mxt_report_is_encrypted(record))
        report->established++;
    else if (mxt_report_exposed(record) > 0)
        report->plaintext++;
    else if (tls != NULL && tls->outcome == MXT_TLS_FAILED)
        report->failed++;
    else
        report->silent++;
    if (tls == NULL || !mxt_report_is_encrypted(record))
        return;
    if (!tls->has_certificate)
        report->certificate_unseen++;
    else if (tls->certificate.trust == MXT_TRUST_UNCHECKED)
        report->certificate_unchecked++;
    else if (tls->certificate.trust == MXT_TRUST_TRUSTED && record->start_us >= tls->certificate.not_before_us &&
             record->start_us <= tls->certificate.not_after_us)
        report->certificate_good++;
    else
        report->certificate_bad++;
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
        fprintf(stream, ", %llu packets not understood", (unsigned long long)health->malformed + health->unsupported);
    fputc('\n', stream);
}

static void print_alerts_line(const struct mxt_report *report, const struct mxt_health *health)
{
    fputs("  alerts       ", report->stream);
    for (enum mxt_severity severity = MXT_SEVERITY_CRITICAL; severity > MXT_SEVERITY_NONE; severity--) {
        bool has_any = report->alerts[severity] > 0;
        fprintf(report->stream, " %s%llu %s%s%s", has_any ? mxt_report_colour(report, severity) : "", (unsigned long long)report->alerts[severity],
                mxt_severity_name(severity), has_any ? mxt_report_plain(report->has_colour) : "", severity > MXT_SEVERITY_INFO ? "," : "");
    }
    if (health->suppressed > 0)
        fprintf(report->stream, "; %llu finding%s suppressed", (unsigned long long)health->suppressed, health->suppressed == 1 ? "" : "s");
    fputc('\n', report->stream);
}

void mxt_report_summary(const struct mxt_report *report, const struct mxt_health *health)
{
    FILE *stream = report->stream;
    fprintf(stream, "%sSummary%s\n", mxt_report_bold(report->has_colour), mxt_report_plain(report->has_colour));
    print_sessions_line(report, stream, health->sessions);
    fprintf(stream, "  certificates  of the encrypted: good %llu, bad %llu, not checked %llu, not visible %llu\n", (unsigned long long)report->certificate_good,
            (unsigned long long)report->certificate_bad, (unsigned long long)report->certificate_unchecked, (unsigned long long)report->certificate_unseen);
    fprintf(stream, "  messages      %llu in the clear, %llu of all delivered\n", (unsigned long long)health->messages_exposed,
            (unsigned long long)health->messages_delivered);
    print_alerts_line(report, health);
    print_capture_line(stream, health);
    if (health->advice != NULL)
        fprintf(stream, "  advice        %s\n", health->advice);
}
