/* What a session shows, and of whom. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "rules/binding.h"
#include "rules/names.h"
#include "rules/network.h"

#define DIGEST_HEX        16                          /* hex digits that make 64 bits */
#define HELO_SUBJECTS_END (1 + MXT_HELO_SUBJECTS_MAX) /* the pair comes before them, the server's own subjects after */

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), for what nobody gains by making collide. */
uint64_t mxt_network_digest(const char *text)
{
    if (text == NULL)
        return 0;
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value == 0 ? 1 : value;
}

/* Of what an attacker chooses and must not make collide. */
static uint64_t strong_digest(const char *text)
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    uint64_t value = 0;
    if (text == NULL)
        return 0;
    SHA256((const unsigned char *)text, strlen(text), bytes);
    for (size_t i = 0; i < sizeof value; i++)
        value = value << 8 | bytes[i];
    return value == 0 ? 1 : value;
}

/* The first 64 bits of a digest in hex; 0 where the text is none. */
static uint64_t from_hex(const char *hex)
{
    uint64_t value = 0;
    for (size_t i = 0; hex != NULL && i < DIGEST_HEX; i++) {
        const char *const digits = "0123456789abcdef";
        const char *at = hex[i] == '\0' ? NULL : strchr(digits, hex[i]);
        if (at == NULL)
            return 0;
        value = value << 4 | (uint64_t)(at - digits);
    }
    return value;
}

static void set_client(struct mxt_network_case *n)
{
    const char *proxied = n->c->record->proxied_src_ip;
    size_t length = proxied == NULL ? 0 : strlen(proxied);
    if (length > 0 && length < sizeof n->client)
        memcpy(n->client, proxied, length + 1);
    else
        mxt_address_format(&n->c->record->src_ip, n->client);
}

bool mxt_sighting_has_no_offer(const struct mxt_sighting *sighting)
{
    return sighting->offered == MXT_NO || sighting->is_ehlo_refused;
}

bool mxt_sighting_has_failed(const struct mxt_sighting *sighting)
{
    return sighting->attempt == MXT_ATTEMPT_REFUSED || sighting->attempt == MXT_ATTEMPT_ABORTED;
}

/* A refusal by a server that did not offer is none: the client asked for what it was not offered. */
static enum mxt_attempt attempt_of(const struct mxt_case *c)
{
    if (mxt_case_is_established(c) || mxt_case_is_decrypted(c))
        return MXT_ATTEMPT_ESTABLISHED;
    if (mxt_case_is_mangled(c) || (mxt_case_is_refused(c) && c->smtp->starttls.offered != MXT_NO))
        return MXT_ATTEMPT_REFUSED;
    return mxt_case_is_aborted(c) ? MXT_ATTEMPT_ABORTED : MXT_ATTEMPT_NONE;
}

/* EHLO refused for good and HELO taken then. A block list's refusal (554) is followed by none that is. */
static bool is_ehlo_refused(const struct mxt_smtp_facts *smtp)
{
    return smtp->starttls.offered == MXT_UNKNOWN && smtp->ehlo == MXT_YES && smtp->ehlo_reply_code >= 500 && smtp->helo_reply_code >= 200 &&
           smtp->helo_reply_code < 300;
}

static void set_certificate(struct mxt_sighting *sighting, const struct mxt_case *c)
{
    const struct mxt_certificate_facts *certificate = &c->tls->certificate;
    if (!c->tls->has_certificate || certificate->visible != MXT_YES || mxt_case_is_decrypted(c))
        return;
    sighting->certificate_key = from_hex(certificate->spki_sha256);
    sighting->certificate_issuer = strong_digest(certificate->issuer_org);
    sighting->certificate_sni = mxt_network_digest(c->tls->sni);
    sighting->not_before_us = certificate->not_before_us;
    sighting->not_after_us = certificate->not_after_us;
    sighting->is_key_rsa = certificate->key_is_rsa == MXT_YES;
    sighting->is_trusted = certificate->trust == MXT_TRUST_TRUSTED;
}

static void set_sighting(struct mxt_network_case *n)
{
    const struct mxt_case *c = n->c;
    struct mxt_sighting *sighting = &n->sighting;
    sighting->time_us = c->record->start_us;
    sighting->session = c->record->session_id;
    sighting->snapshot = c->record->snapshot;
    sighting->client = mxt_network_digest(n->client);
    /* What was overwritten on the way says nothing of what the server offers; nor does what is missing inside TLS. */
    bool is_overwritten = c->smtp->starttls.masked != NULL || c->smtp->starttls.mangled_command != NULL;
    bool says_no = !is_overwritten && !mxt_case_is_decrypted(c);
    if (c->smtp->starttls.offered == MXT_YES || says_no)
        sighting->offered = c->smtp->starttls.offered;
    sighting->is_ehlo_refused = says_no && is_ehlo_refused(c->smtp);
    sighting->attempt = attempt_of(c);
    sighting->is_exposed = mxt_case_is_exposed(c);
    sighting->domain = mxt_binding_foreign_domain(c, n->knowledge);
    set_certificate(sighting, c);
}

bool mxt_sighting_is_telling(const struct mxt_sighting *sighting)
{
    return sighting->offered != MXT_UNKNOWN || sighting->is_ehlo_refused || sighting->attempt != MXT_ATTEMPT_NONE || sighting->is_exposed ||
           sighting->certificate_key != 0;
}

bool mxt_sighting_is_telling_helo(const struct mxt_sighting *sighting)
{
    return mxt_sighting_has_failed(sighting) || sighting->is_exposed;
}

/* A text in the making, for a subject's key. */
struct key {
    char *text;
    size_t length;
    bool is_too_long;
};

static void append(struct key *key, const char *text)
{
    size_t length = strlen(text);
    if (key->is_too_long || key->length + length >= MXT_SUBJECT_KEY) {
        key->is_too_long = true;
        return;
    }
    memcpy(key->text + key->length, text, length + 1);
    key->length += length;
}

static void append_server(struct key *key, const struct mxt_record *record)
{
    char address[MXT_ADDRESS_TEXT];
    char port[8];
    bool is_ipv4 = mxt_address_is_ipv4(&record->dest_ip);
    mxt_address_format(&record->dest_ip, address);
    snprintf(port, sizeof port, is_ipv4 ? ":%u" : "]:%u", (unsigned)record->dest_port);
    append(key, is_ipv4 ? "" : "[");
    append(key, address);
    append(key, port);
}

static struct key begin_subject(struct mxt_network_case *n, enum mxt_subject_kind kind)
{
    struct mxt_subject *subject = &n->subjects[n->count];
    subject->kind = kind;
    subject->key[0] = '\0';
    return (struct key){.text = subject->key};
}

/* Takes the subject that was begun, unless it is there already. */
static void end_subject(struct mxt_network_case *n, const struct key *key)
{
    const struct mxt_subject *subject = &n->subjects[n->count];
    if (key->is_too_long || key->length == 0)
        return;
    for (size_t i = 0; i < n->count; i++)
        if (n->subjects[i].kind == subject->kind && strcmp(n->subjects[i].key, subject->key) == 0)
            return;
    n->baselines[n->count] = n->knowledge->baseline(n->knowledge->store, subject);
    n->count++;
}

static void add_name(struct mxt_network_case *n, enum mxt_subject_kind kind, const char *name)
{
    if (!mxt_names_is_public(name))
        return;
    struct key key = begin_subject(n, kind);
    append(&key, name);
    end_subject(n, &key);
}

static void add_pair(struct mxt_network_case *n)
{
    struct key key = begin_subject(n, MXT_SUBJECT_CLIENT_SERVER);
    append(&key, n->client);
    append(&key, " ");
    append_server(&key, n->c->record);
    end_subject(n, &key);
}

/* A client's HELO domain with a domain, or with the server itself (NULL). A client whose HELO name is no public one goes by its address. */
static void add_helo(struct mxt_network_case *n, const char *domain)
{
    const char *helo = n->c->smtp->helo;
    if (n->count == HELO_SUBJECTS_END)
        return;
    struct key key = begin_subject(n, MXT_SUBJECT_HELO_DOMAIN);
    append(&key, mxt_names_is_public(helo) ? mxt_names_organisation(helo) : n->client);
    append(&key, " ");
    if (domain != NULL)
        append(&key, domain);
    else
        append_server(&key, n->c->record);
    for (size_t i = 0; i < key.length; i++)
        if (key.text[i] >= 'A' && key.text[i] <= 'Z')
            key.text[i] = (char)(key.text[i] - 'A' + 'a');
    end_subject(n, &key);
}

/* The domains whose mail the server takes: those of the recipients, and the one that the server's own names are in. */
static void add_helo_domains(struct mxt_network_case *n)
{
    const char *name = mxt_case_sni(n->c) != NULL ? mxt_case_sni(n->c) : mxt_case_banner_name(n->c);
    char domain[MXT_DOMAIN_TEXT];
    add_helo(n, NULL);
    if (mxt_names_is_public(name))
        add_helo(n, mxt_names_organisation(name));
    for (const struct mxt_message *message = n->c->smtp->messages; message != NULL; message = message->next)
        for (uint16_t i = 0; i < message->rcpt_to.count; i++)
            if (mxt_names_domain_of(message->rcpt_to.items[i], domain))
                add_helo(n, domain);
}

void mxt_network_case_set(struct mxt_network_case *n, const struct mxt_case *c, const struct mxt_knowledge *knowledge, const struct mxt_judge_config *config)
{
    n->c = c;
    n->knowledge = knowledge;
    n->config = config;
    n->sighting = (struct mxt_sighting){0};
    n->count = 0;
    set_client(n);
    set_sighting(n);
    /* A later snapshot may take back what an earlier one showed. */
    bool is_first = c->record->snapshot <= 1;
    if (is_first && !mxt_sighting_is_telling(&n->sighting))
        return;
    add_pair(n);
    if (!is_first || mxt_sighting_is_telling_helo(&n->sighting))
        add_helo_domains(n);
    /* How TLS went is known of the pair alone; the others are asked for offers and certificates. */
    struct key key = begin_subject(n, MXT_SUBJECT_SERVER);
    append_server(&key, c->record);
    end_subject(n, &key);
    add_name(n, MXT_SUBJECT_GREETING, mxt_case_banner_name(c));
    add_name(n, MXT_SUBJECT_MX, mxt_case_sni(c));
}

const struct mxt_baseline *mxt_network_baseline(const struct mxt_network_case *n, enum mxt_subject_kind kind)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->subjects[i].kind == kind)
            return n->baselines[i];
    return NULL;
}

bool mxt_network_is_earlier(const struct mxt_network_case *n, const struct mxt_sighting *sighting)
{
    return mxt_sighting_is_earlier(sighting->time_us, sighting->session, n->sighting.time_us, n->sighting.session);
}
