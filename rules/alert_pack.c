/* An alert's facts in one block of memory, a fifth of what they take unpacked: the table of alerts keeps those of every finding that may yet be shown. */
#include <stdlib.h>
#include <string.h>

#include "rules/alert_parts.h"

/* What has a fixed size, then texts: `sensor` to `result_type`, then the evidence. */
struct mxt_alert_packed {
    int64_t timestamp_us;
    struct mxt_address src_ip, dest_ip;
    uint16_t src_port, dest_port;
    uint16_t evidence_count;
    uint8_t hop, rule, severity;
    char bytes[];
};

/* Bytes in the making. Measured first (p NULL), then written. */
struct packer {
    char *p;
    size_t length;
};

static void put(struct packer *packer, const void *p, size_t n)
{
    if (packer->p != NULL)
        memcpy(packer->p + packer->length, p, n);
    packer->length += n;
}

/* A text with its NUL behind a byte that says whether there is one. */
static void put_text(struct packer *packer, const char *text)
{
    put(packer, text == NULL ? "0" : "1", 1);
    if (text != NULL)
        put(packer, text, strlen(text) + 1);
}

static void put_evidence(struct packer *packer, const struct mxt_evidence *evidence)
{
    uint8_t type = (uint8_t)evidence->type;
    put(packer, &type, sizeof type);
    put_text(packer, evidence->key);
    switch (evidence->type) {
    case MXT_EVIDENCE_TEXT: put_text(packer, evidence->text); break;
    case MXT_EVIDENCE_NUMBER:
    case MXT_EVIDENCE_BOOL: put(packer, &evidence->number, sizeof evidence->number); break;
    case MXT_EVIDENCE_LIST:
        put(packer, &evidence->list.total, sizeof evidence->list.total);
        put(packer, &evidence->list.count, sizeof evidence->list.count);
        for (uint16_t i = 0; i < evidence->list.count; i++)
            put_text(packer, evidence->list.items[i]);
        break;
    }
}

static uint16_t put_all(struct packer *packer, const struct mxt_alert *alert)
{
    uint16_t count = 0;
    put_text(packer, alert->sensor);
    put_text(packer, alert->community_id);
    put_text(packer, alert->domain);
    put_text(packer, alert->server_name);
    put_text(packer, alert->result_type);
    for (const struct mxt_evidence *evidence = alert->evidence; evidence != NULL && count < UINT16_MAX; evidence = evidence->next) {
        put_evidence(packer, evidence);
        count++;
    }
    return count;
}

struct mxt_alert_packed *mxt_alert_pack(const struct mxt_alert *facts)
{
    struct packer measure = {.p = NULL};
    put_all(&measure, facts);
    struct mxt_alert_packed *packed = malloc(sizeof *packed + measure.length);
    if (packed == NULL)
        return NULL;
    *packed = (struct mxt_alert_packed){
        .timestamp_us = facts->timestamp_us,
        .src_ip = facts->src_ip,
        .dest_ip = facts->dest_ip,
        .src_port = facts->src_port,
        .dest_port = facts->dest_port,
        .hop = (uint8_t)facts->hop,
        .rule = (uint8_t)facts->rule,
        .severity = (uint8_t)facts->severity,
    };
    struct packer packer = {.p = packed->bytes};
    packed->evidence_count = put_all(&packer, facts);
    return packed;
}

static const char *get_text(const char **p)
{
    bool has_text = *(*p)++ == '1';
    const char *text = *p;
    if (has_text)
        *p += strlen(text) + 1;
    return has_text ? text : NULL;
}

static void get(const char **p, void *out, size_t n)
{
    memcpy(out, *p, n);
    *p += n;
}

static enum mxt_status get_list(struct mxt_arena *arena, const char **p, struct mxt_text_list *out)
{
    uint16_t count;
    get(p, &out->total, sizeof out->total);
    get(p, &count, sizeof count);
    if (count == 0)
        return MXT_OK;
    out->items = mxt_arena_alloc(arena, count * sizeof(const char *));
    if (out->items == NULL)
        return MXT_ENOMEM;
    for (out->count = 0; out->count < count; out->count++)
        out->items[out->count] = get_text(p);
    out->capacity = count;
    return MXT_OK;
}

static enum mxt_status get_evidence(struct mxt_arena *arena, const char **p, struct mxt_evidence *out)
{
    uint8_t type;
    get(p, &type, sizeof type);
    out->type = (enum mxt_evidence_type)type;
    out->key = get_text(p);
    switch (out->type) {
    case MXT_EVIDENCE_TEXT: out->text = get_text(p); break;
    case MXT_EVIDENCE_NUMBER:
    case MXT_EVIDENCE_BOOL: get(p, &out->number, sizeof out->number); break;
    case MXT_EVIDENCE_LIST: return get_list(arena, p, &out->list);
    }
    return MXT_OK;
}

enum mxt_status mxt_alert_unpack(struct mxt_arena *arena, const struct mxt_alert_packed *packed, struct mxt_alert *out)
{
    const char *p = packed->bytes;
    *out = (struct mxt_alert){
        .timestamp_us = packed->timestamp_us,
        .src_ip = packed->src_ip,
        .dest_ip = packed->dest_ip,
        .src_port = packed->src_port,
        .dest_port = packed->dest_port,
        .hop = (enum mxt_hop)packed->hop,
        .rule = (enum mxt_rule)packed->rule,
        .severity = (enum mxt_severity)packed->severity,
    };
    out->sensor = get_text(&p);
    out->community_id = get_text(&p);
    out->domain = get_text(&p);
    out->server_name = get_text(&p);
    out->result_type = get_text(&p);
    struct mxt_evidence *evidence = packed->evidence_count == 0 ? NULL : mxt_arena_alloc(arena, packed->evidence_count * sizeof *evidence);
    if (evidence == NULL)
        return packed->evidence_count == 0 ? MXT_OK : MXT_ENOMEM;
    out->evidence = evidence;
    for (uint16_t i = 0; i < packed->evidence_count; i++) {
        if (get_evidence(arena, &p, &evidence[i]) != MXT_OK)
            return MXT_ENOMEM;
        evidence[i].next = i + 1 < packed->evidence_count ? &evidence[i + 1] : NULL;
    }
    return MXT_OK;
}
