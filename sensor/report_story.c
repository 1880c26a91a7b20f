/* The story of a session: who, when, what was offered, asked, answered, exposed, and what could not be seen. */
#include "sensor/report_int.h"

#define MESSAGES_SHOWN   3 /* of one session; the rest is counted */
#define RECIPIENTS_SHOWN 3

/* What became of the session, in a few words. */
static void print_outcome(FILE *stream, const struct mxt_record *record)
{
    const struct mxt_tls_facts *tls = record->tls;
    if (tls != NULL && tls->outcome == MXT_TLS_DECRYPTED)
        fputs("encrypted (the mirror shows it decrypted)", stream);
    else if (tls != NULL && mxt_report_is_encrypted(record))
        fprintf(stream, "encrypted, %s",
                tls->version != 0 && mxt_tls_version_name(tls->version) != NULL ? mxt_tls_version_name(tls->version) : "version not seen");
    else if (mxt_report_exposed(record) > 0)
        fprintf(stream, "%u message%s in the clear", mxt_report_exposed(record), mxt_report_exposed(record) == 1 ? "" : "s");
    else if (tls != NULL && tls->outcome == MXT_TLS_FAILED)
        fputs("TLS failed", stream);
    else if (tls != NULL)
        fputs("TLS, outcome not seen", stream);
    else
        fputs("no message seen", stream);
}

void mxt_report_head(FILE *stream, const struct mxt_record *record, bool has_colour)
{
    char when[MXT_REPORT_TIME];
    mxt_report_time(record->start_us, when);
    fprintf(stream, "%s  ", when);
    mxt_report_endpoint(stream, &record->src_ip, record->src_port);
    fputs(" -> ", stream);
    mxt_report_endpoint(stream, &record->dest_ip, record->dest_port);
    if (record->smtp != NULL && record->smtp->server_name != NULL)
        fprintf(stream, " %s%s%s", mxt_report_bold(has_colour), record->smtp->server_name, mxt_report_plain(has_colour));
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
    char until[MXT_REPORT_TIME];
    mxt_report_time(certificate->not_after_us, until);
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
        fprintf(stream, ", failed: %s by the %s",
                tls->alert != NULL       ? tls->alert
                : tls->ended_how != NULL ? tls->ended_how
                                         : "ended",
                tls->ended_by == MXT_ENDED_BY_CLIENT   ? "client"
                : tls->ended_by == MXT_ENDED_BY_SERVER ? "server"
                                                       : "other side");
    print_certificate(stream, tls);
    fputc('\n', stream);
}

static void print_recipients(FILE *stream, const struct mxt_text_list *recipients, const char *remark)
{
    for (uint16_t i = 0; i < recipients->count && i < RECIPIENTS_SHOWN; i++)
        fprintf(stream, "%s<%s>", i == 0 ? "" : ", ", recipients->items[i]);
    if (recipients->total > RECIPIENTS_SHOWN)
        fprintf(stream, " and %u more", recipients->total - RECIPIENTS_SHOWN);
    fputs(remark, stream);
}

static void print_messages(FILE *stream, const struct mxt_smtp_facts *smtp)
{
    unsigned shown = 0;
    for (const struct mxt_message *message = smtp->messages; message != NULL && shown < MESSAGES_SHOWN; message = message->next) {
        if (message->exposed != MXT_YES)
            continue;
        shown++;
        fprintf(stream, "    %-9s <%s> to ", "in clear", message->mail_from != NULL ? message->mail_from : "?");
        if (message->rcpt_to.total > 0)
            print_recipients(stream, &message->rcpt_to, "");
        else
            print_recipients(stream, &message->rcpt_unanswered, message->rcpt_unanswered.total > 0 ? " (answer not seen)" : "?");
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
        fprintf(stream, "%llu bytes lost by the capture", (unsigned long long)capture->gap_bytes_toserver + capture->gap_bytes_toclient);
    }
    if (!is_first)
        fputc('\n', stream);
}

void mxt_report_story(FILE *stream, const struct mxt_record *record, bool has_colour)
{
    mxt_report_head(stream, record, has_colour);
    if (record->smtp != NULL)
        print_dialogue(stream, record->smtp);
    if (record->tls != NULL && record->tls->outcome != MXT_TLS_DECRYPTED)
        print_tls(stream, record->tls);
    if (record->smtp != NULL)
        print_messages(stream, record->smtp);
    print_unseen(stream, &record->capture);
}
