#include "rules/alert_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIST_TOLD 8 /* items of a list that a sentence names */

/* Text in the making. Measured first (text NULL), then written. */
struct writer {
    char *text;
    size_t length;
};

static void write_bytes(struct writer *writer, const char *p, size_t n)
{
    if (writer->text != NULL)
        memcpy(writer->text + writer->length, p, n);
    writer->length += n;
}

static void write_text(struct writer *writer, const char *text)
{
    write_bytes(writer, text, strlen(text));
}

static bool write_known(struct writer *writer, const char *text)
{
    if (text != NULL)
        write_text(writer, text);
    return text != NULL;
}

static void write_address(struct writer *writer, const struct mxt_address *address, uint16_t port)
{
    char text[MXT_ADDRESS_TEXT];
    mxt_address_format(address, text);
    bool is_bracketed = port != 0 && !mxt_address_is_ipv4(address);
    write_text(writer, is_bracketed ? "[" : "");
    write_text(writer, text);
    write_text(writer, is_bracketed ? "]" : "");
    if (port == 0)
        return;
    snprintf(text, sizeof text, ":%u", (unsigned)port);
    write_text(writer, text);
}

static void write_list(struct writer *writer, const struct mxt_text_list *list)
{
    for (uint16_t i = 0; i < list->count && i < LIST_TOLD; i++) {
        write_text(writer, i == 0 ? "" : ", ");
        write_text(writer, list->items[i]);
    }
    if (list->total > LIST_TOLD)
        write_text(writer, ", ...");
}

static void write_evidence(struct writer *writer, const struct mxt_evidence *evidence)
{
    char number[24];
    switch (evidence->type) {
    case MXT_EVIDENCE_TEXT: write_text(writer, evidence->text); break;
    case MXT_EVIDENCE_BOOL: write_text(writer, evidence->number != 0 ? "yes" : "no"); break;
    case MXT_EVIDENCE_LIST: write_list(writer, &evidence->list); break;
    case MXT_EVIDENCE_NUMBER:
        snprintf(number, sizeof number, "%" PRId64, evidence->number);
        write_text(writer, number);
        break;
    }
}

/* Writes the value of the place whose name is the `n` bytes at `name`. False: it has none. */
static bool write_place(struct writer *writer, const struct mxt_alert *alert, const char *name, size_t n)
{
    for (const struct mxt_evidence *evidence = alert->evidence; evidence != NULL; evidence = evidence->next)
        if (strlen(evidence->key) == n && memcmp(evidence->key, name, n) == 0) {
            write_evidence(writer, evidence);
            return true;
        }
    if (n == strlen("client") && memcmp(name, "client", n) == 0) {
        write_address(writer, &alert->src_ip, 0);
        return true;
    }
    if (n == strlen("server") && memcmp(name, "server", n) == 0) {
        write_address(writer, &alert->dest_ip, alert->dest_port);
        return true;
    }
    if (n == strlen("server_name") && memcmp(name, "server_name", n) == 0)
        return write_known(writer, alert->server_name);
    if (n == strlen("domain") && memcmp(name, "domain", n) == 0)
        return write_known(writer, alert->domain);
    return false;
}

/* Writes one stretch of a template. False: a place in it has no value. */
static bool write_stretch(struct writer *writer, const struct mxt_alert *alert, const char *p, const char *end)
{
    bool is_complete = true;
    while (p < end) {
        const char *open = memchr(p, '{', (size_t)(end - p));
        const char *close = open == NULL ? NULL : memchr(open, '}', (size_t)(end - open));
        if (close == NULL) {
            write_bytes(writer, p, (size_t)(end - p));
            return is_complete;
        }
        write_bytes(writer, p, (size_t)(open - p));
        if (!write_place(writer, alert, open + 1, (size_t)(close - open - 1))) {
            write_text(writer, "(unknown)");
            is_complete = false;
        }
        p = close + 1;
    }
    return is_complete;
}

static void write_template(struct writer *writer, const struct mxt_alert *alert, const char *p)
{
    for (;;) {
        const char *open = strchr(p, '[');
        const char *close = open == NULL ? NULL : strchr(open, ']');
        if (close == NULL) {
            write_stretch(writer, alert, p, p + strlen(p));
            return;
        }
        write_stretch(writer, alert, p, open);
        struct writer probe = {.text = NULL};
        if (write_stretch(&probe, alert, open + 1, close))
            write_stretch(writer, alert, open + 1, close);
        p = close + 1;
    }
}

const char *mxt_alert_text(struct mxt_arena *arena, const char *template, const struct mxt_alert *alert)
{
    struct writer measure = {.text = NULL};
    write_template(&measure, alert, template);
    struct writer writer = {.text = mxt_arena_alloc(arena, measure.length + 1)};
    if (writer.text == NULL)
        return NULL;
    write_template(&writer, alert, template);
    writer.text[writer.length] = '\0';
    return writer.text;
}
