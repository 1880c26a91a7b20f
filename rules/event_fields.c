#include "rules/event_fields.h"

#include <stddef.h>
#include <stdint.h>

#include "rules/event.h"

/* clang-format off */
#define AT(type, member)          .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define POINTER_AT(type, member)  .offset = offsetof(type, member), .size = sizeof(void *)
#define TABLE(array, type)        {.fields = (array), .count = sizeof(array) / sizeof((array)[0]), .size = sizeof(type)}
#define LINKED_TABLE(array, type) {.fields = (array), .count = sizeof(array) / sizeof((array)[0]), .size = sizeof(type), .next = offsetof(type, next)}
#define COUNTER(member, about)    {#member, about, MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(struct mxt_health, member)}
/* clang-format on */

#define SHA256_PATTERN "^[0-9a-f]{64}$"
#define MD5_PATTERN    "^[0-9a-f]{32}$"

/* Vocabularies. */

static const char *rule_name(unsigned value)
{
    const struct mxt_rule_info *info = mxt_rule_info((enum mxt_rule)value);
    return info == NULL ? NULL : info->name;
}

static unsigned rule_value(const char *name)
{
    return (unsigned)mxt_rule_from_name(name);
}

static const char *severity_name(unsigned value)
{
    return mxt_severity_name((enum mxt_severity)value);
}

static const char *hop_name(unsigned value)
{
    return mxt_hop_name((enum mxt_hop)value);
}

static const char *mode_name(unsigned value)
{
    return mxt_tls_mode_name((enum mxt_tls_mode)value);
}

static const char *outcome_name(unsigned value)
{
    return mxt_tls_outcome_name((enum mxt_tls_outcome)value);
}

static const char *version_name(unsigned value)
{
    return mxt_tls_version_name((uint16_t)value);
}

static unsigned version_value(const char *name)
{
    return mxt_tls_version_from_name(name);
}

static const char *side_name(unsigned value)
{
    return mxt_ended_by_name((enum mxt_ended_by)value);
}

static const char *trust_name(unsigned value)
{
    return mxt_trust_name((enum mxt_trust_verdict)value);
}

static const char *transfer_name(unsigned value)
{
    return mxt_transfer_name((enum mxt_transfer)value);
}

static const struct mxt_vocabulary rules = {MXT_RULES, rule_name, rule_value};
static const struct mxt_vocabulary severities = {MXT_SEVERITY_CRITICAL + 1, severity_name, NULL};
static const struct mxt_vocabulary hops = {MXT_HOP_TRANSIT + 1, hop_name, NULL};
static const struct mxt_vocabulary modes = {MXT_TLS_X_ANONYMOUSTLS + 1, mode_name, NULL};
static const struct mxt_vocabulary outcomes = {MXT_TLS_DECRYPTED + 1, outcome_name, NULL};
static const struct mxt_vocabulary versions = {0x0304 + 1, version_name, version_value};
static const struct mxt_vocabulary sides = {MXT_ENDED_BY_SERVER + 1, side_name, NULL};
static const struct mxt_vocabulary verdicts = {MXT_TRUST_INCOMPLETE + 1, trust_name, NULL};
static const struct mxt_vocabulary transfers = {MXT_TRANSFER_BDAT + 1, transfer_name, NULL};

/* What follows from a rule or a severity. */

static const char *rule_signature(unsigned value)
{
    const struct mxt_rule_info *info = mxt_rule_info((enum mxt_rule)value);
    return info == NULL ? NULL : info->signature;
}

static unsigned rule_sid(unsigned value)
{
    const struct mxt_rule_info *info = mxt_rule_info((enum mxt_rule)value);
    return info == NULL ? 0 : info->sid;
}

static unsigned rule_rev(unsigned value)
{
    const struct mxt_rule_info *info = mxt_rule_info((enum mxt_rule)value);
    return info == NULL ? 0 : info->rev;
}

static unsigned rule_gid(unsigned value)
{
    (void)value;
    return 1; /* EVE's generator of rules */
}

static unsigned eve_severity(unsigned value)
{
    return mxt_alert_eve_severity((enum mxt_severity)value);
}

/* session.smtp */

#define STARTTLS struct mxt_starttls_facts
static const struct mxt_field starttls[] = {
    {"offered", "the last whole EHLO reply before TLS offered STARTTLS", MXT_FIELD_FACT, MXT_OPTIONAL, AT(STARTTLS, offered)},
    {"requested", "the client's STARTTLS crossed intact", MXT_FIELD_FACT, MXT_OPTIONAL, AT(STARTTLS, requested)},
    {"reply_code", "answer to the last STARTTLS or mangled command", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(STARTTLS, reply_code)},
    {"reply_text", "first line of that answer", MXT_FIELD_STRING, MXT_OPTIONAL, AT(STARTTLS, reply_text)},
    {"masked", "a capability overwritten in place", MXT_FIELD_STRING, MXT_OPTIONAL, AT(STARTTLS, masked)},
    {"mangled_command", "a command overwritten in place where STARTTLS belongs", MXT_FIELD_STRING, MXT_OPTIONAL, AT(STARTTLS, mangled_command)},
    {"injected_toserver", "plaintext bytes between STARTTLS and the client's first TLS record", MXT_FIELD_UNSIGNED, MXT_OPTIONAL,
     AT(STARTTLS, injected_toserver)},
    {"injected_toclient", "plaintext bytes between the 220 and the server's first TLS record", MXT_FIELD_UNSIGNED, MXT_OPTIONAL,
     AT(STARTTLS, injected_toclient)},
    {"injected_verbs", "verbs or reply codes among the injected bytes", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(STARTTLS, injected_verbs)},
    {"injected_verbs_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(STARTTLS, injected_verbs)},
    {"before", "verbs that preceded STARTTLS", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(STARTTLS, before)},
    {"before_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(STARTTLS, before)},
};
static const struct mxt_field_table starttls_table = TABLE(starttls, STARTTLS);

#define AUTH struct mxt_auth_facts
static const struct mxt_field auth[] = {
    {"mechanism", "of the attempt that succeeded, else the last", MXT_FIELD_STRING, MXT_OPTIONAL, AT(AUTH, mechanism)},
    {"plaintext", "a secret crossed outside TLS", MXT_FIELD_FACT, MXT_OPTIONAL, AT(AUTH, plaintext)},
    {"reply_code", "final answer to that attempt", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(AUTH, reply_code)},
    {"attempts", "AUTH commands", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(AUTH, attempts)},
};
static const struct mxt_field_table auth_table = TABLE(auth, AUTH);

static const struct mxt_field rejected[] = {
    {"rcpt", "recipient", MXT_FIELD_STRING, MXT_ALWAYS, AT(struct mxt_rejected, rcpt)},
    {"code", "the server's answer", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(struct mxt_rejected, code)},
};
static const struct mxt_field_table rejected_table = LINKED_TABLE(rejected, struct mxt_rejected);

#define MESSAGE struct mxt_message
static const struct mxt_field message[] = {
    {"index", "place in the session, from 0", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(MESSAGE, index)},
    {"mail_from", "reverse path; empty for the null one", MXT_FIELD_STRING, MXT_OPTIONAL, AT(MESSAGE, mail_from)},
    {"rcpt_to", "accepted recipients", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(MESSAGE, rcpt_to)},
    {"rcpt_to_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(MESSAGE, rcpt_to)},
    {"rcpt_rejected", "refused recipients", MXT_FIELD_LIST, MXT_OPTIONAL, POINTER_AT(MESSAGE, rcpt_rejected), .as.table = &rejected_table},
    {"rcpt_rejected_total", "all refused recipients", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(MESSAGE, rcpt_rejected_total)},
    {"rcpt_unanswered", "recipients whose answer was not seen", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(MESSAGE, rcpt_unanswered)},
    {"rcpt_unanswered_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(MESSAGE, rcpt_unanswered)},
    {"transfer", "how the content was sent", MXT_FIELD_NAME, MXT_OPTIONAL, AT(MESSAGE, transfer), .as.vocabulary = &transfers},
    {"bytes", "of content", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(MESSAGE, bytes)},
    {"exposed", "content crossed in the clear", MXT_FIELD_FACT, MXT_OPTIONAL, AT(MESSAGE, exposed)},
    {"reply_code", "answer to the end of the message", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(MESSAGE, reply_code)},
    {"delivered", "that answer was 2xx", MXT_FIELD_FACT, MXT_OPTIONAL, AT(MESSAGE, delivered)},
};
static const struct mxt_field_table message_table = LINKED_TABLE(message, MESSAGE);

#define SMUGGLING struct mxt_smuggling
static const struct mxt_field smuggling[] = {
    {"mark", "end-of-data look-alike, escaped", MXT_FIELD_STRING, MXT_ALWAYS, AT(SMUGGLING, mark)},
    {"message", "index of the message", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(SMUGGLING, message)},
    {"verb", "SMTP verb behind the mark", MXT_FIELD_STRING, MXT_OPTIONAL, AT(SMUGGLING, verb)},
    {"server_ended", "the server took it for the message's end", MXT_FIELD_FACT, MXT_OPTIONAL, AT(SMUGGLING, server_ended)},
};
static const struct mxt_field_table smuggling_table = LINKED_TABLE(smuggling, SMUGGLING);

#define SMTP struct mxt_smtp_facts
static const struct mxt_field smtp[] = {
    {"banner", "first line of the greeting with its code", MXT_FIELD_STRING, MXT_OPTIONAL, AT(SMTP, banner)},
    {"banner_code", "code of the greeting", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, banner_code)},
    {"server_name", "name that the server gives itself", MXT_FIELD_STRING, MXT_OPTIONAL, AT(SMTP, server_name)},
    {"helo", "name that the client gives itself", MXT_FIELD_STRING, MXT_OPTIONAL, AT(SMTP, helo)},
    {"ehlo", "EHLO (or LHLO) was sent, not HELO alone", MXT_FIELD_FACT, MXT_OPTIONAL, AT(SMTP, ehlo)},
    {"lmtp", "the client speaks LMTP", MXT_FIELD_BOOL, MXT_OPTIONAL, AT(SMTP, is_lmtp)},
    {"ehlo_reply_code", "answer to EHLO", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, ehlo_reply_code)},
    {"helo_reply_code", "answer to HELO", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, helo_reply_code)},
    {"capabilities", "lines of the last whole EHLO reply before TLS", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(SMTP, capabilities),
     .other = offsetof(SMTP, has_capabilities)},
    {"capabilities_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(SMTP, capabilities)},
    {"starttls", "STARTTLS as it crossed", MXT_FIELD_PART, MXT_OPTIONAL, AT(SMTP, starttls), .as.table = &starttls_table},
    {"auth", "authentication in the clear", MXT_FIELD_PART, MXT_OPTIONAL, AT(SMTP, auth), .as.table = &auth_table},
    {"messages", "mail transactions in the clear, the latest", MXT_FIELD_LIST, MXT_OPTIONAL, POINTER_AT(SMTP, messages), .as.table = &message_table},
    {"messages_total", "all transactions", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, messages_total)},
    {"recipients_total", "all accepted recipients", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, recipients_total)},
    {"exposed_total", "all messages whose content crossed in the clear", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, exposed_total)},
    {"delivered_total", "all messages answered with 2xx", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, delivered_total)},
    {"smuggling", "end-of-data look-alikes inside messages", MXT_FIELD_LIST, MXT_OPTIONAL, POINTER_AT(SMTP, smuggling), .as.table = &smuggling_table},
    {"smuggling_total", "all of them", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, smuggling_total)},
    {"xclient", "attribute names of an XCLIENT command", MXT_FIELD_STRING, MXT_OPTIONAL, AT(SMTP, xclient)},
    {"lines_too_long", "lines beyond the limit", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, lines_too_long)},
    {"unknown_verbs", "commands that SMTP does not know", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, unknown_verbs)},
    {"unpaired_replies", "replies without a command", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(SMTP, unpaired_replies)},
    {"pairing_lost", "at some point a reply could not be given to a command", MXT_FIELD_BOOL, MXT_OPTIONAL, AT(SMTP, pairing_lost)},
};
static const struct mxt_field_table smtp_table = TABLE(smtp, SMTP);

/* session.tls */

#define TLS struct mxt_tls_facts
static const struct mxt_field ja3[] = {
    {"hash", "MD5 of the string", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ja3_hash), .as.pattern = MD5_PATTERN},
    {"string", "what the client's hello offers", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ja3_string)},
};
static const struct mxt_field_table ja3_table = TABLE(ja3, TLS);

static const struct mxt_field ja3s[] = {
    {"hash", "MD5 of the string", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ja3s_hash), .as.pattern = MD5_PATTERN},
    {"string", "what the server's hello chooses", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ja3s_string)},
};
static const struct mxt_field_table ja3s_table = TABLE(ja3s, TLS);

/* The fields that EVE does not have. */
static const struct mxt_field certificate[] = {
    {"issuer_org", "issuing organisation", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.issuer_org)},
    {"sha256", "digest of the certificate", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.sha256), .as.pattern = SHA256_PATTERN},
    {"spki_sha256", "digest of its public key", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.spki_sha256), .as.pattern = SHA256_PATTERN},
    {"chain", "digests of all certificates sent, leaf first", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(TLS, certificate.chain)},
    {"chain_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(TLS, certificate.chain)},
    {"key", "public key, kind and bits", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.key)},
    {"key_bits", "bits of the public key", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(TLS, certificate.key_bits)},
    {"key_rsa", "the key is RSA", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, certificate.key_is_rsa)},
    {"key_ec", "the key is EC", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, certificate.key_is_ec)},
    {"signature", "signature algorithm", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.signature)},
    {"signature_weak", "MD5 or SHA-1 on a certificate sent, a self-signed one's own aside", MXT_FIELD_FACT, MXT_OPTIONAL,
     AT(TLS, certificate.has_weak_signature)},
    {"trust", "what the trust store says of the chain", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, certificate.trust), .other = offsetof(TLS, has_certificate),
     .as.vocabulary = &verdicts},
    {"visible", "the certificate crossed in the clear", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, certificate.visible)},
};
static const struct mxt_field_table certificate_table = TABLE(certificate, TLS);

static const struct mxt_field tls[] = {
    {"from_proto", "protocol that was upgraded", MXT_FIELD_CONSTANT, MXT_ALWAYS, .as.constant = "smtp"},
    {"mode", "how TLS came about", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, mode), .as.vocabulary = &modes},
    {"outcome", "what came of the handshake", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, outcome), .as.vocabulary = &outcomes},
    {"version", "agreed", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, version), .as.vocabulary = &versions},
    {"cipher", "agreed cipher suite, IANA's name", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, cipher)},
    {"cipher_id", "its number", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(TLS, cipher_id)},
    {"sni", "server name that the client asked for", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, sni)},
    {"ja3", "client fingerprint", MXT_FIELD_GROUP, MXT_OPTIONAL, .as.table = &ja3_table},
    {"ja3s", "server fingerprint", MXT_FIELD_GROUP, MXT_OPTIONAL, .as.table = &ja3s_table},
    {"ja4", "client fingerprint", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ja4)},
    {"alpn", "application protocol that the server chose", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, alpn)},
    {"alpn_offered", "application protocols that the client offered", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(TLS, alpn_offered)},
    {"alpn_offered_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(TLS, alpn_offered)},
    {"client_max_version", "highest version that the client offered", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, client_max_version), .as.vocabulary = &versions},
    {"downgrade_sentinel", "the server's random bears the mark of RFC 8446 4.1.3", MXT_FIELD_FACT, MXT_OPTIONAL,
     AT(TLS, downgrade_sentinel)},
    {"fallback_scsv", "the client says that it fell back (RFC 7507)", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, fallback_scsv)},
    {"session_resumed", "an earlier session went on", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, session_resumed)},
    {"hello_retry", "the server sent a HelloRetryRequest", MXT_FIELD_FACT, MXT_OPTIONAL, AT(TLS, hello_retry)},
    {"alert", "plaintext alert that ended it, or \"encrypted\"", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, alert)},
    {"alert_by", "who sent the alert", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, alert_by), .as.vocabulary = &sides},
    {"ended_by", "who ended a failed handshake", MXT_FIELD_NAME, MXT_OPTIONAL, AT(TLS, ended_by), .as.vocabulary = &sides},
    {"ended_how", "how a failed handshake ended", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, ended_how), .as.pattern = "^(alert|reset|close|alert_sized_record)$"},
    {"encrypted_toserver", "bytes of encrypted records until the outcome was decided", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(TLS, encrypted_toserver)},
    {"encrypted_toclient", "bytes of encrypted records until the outcome was decided", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(TLS, encrypted_toclient)},
    {"subject", "of the server's certificate", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.subject)},
    {"issuerdn", "of the server's certificate", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.issuerdn)},
    {"serial", "of the server's certificate", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.serial)},
    {"fingerprint", "SHA-1 of the server's certificate", MXT_FIELD_STRING, MXT_OPTIONAL, AT(TLS, certificate.fingerprint),
     .as.pattern = "^[0-9a-f]{2}(:[0-9a-f]{2}){19}$"},
    {"notbefore", "begin of the certificate's validity", MXT_FIELD_TIME, MXT_OPTIONAL, AT(TLS, certificate.not_before_us)},
    {"notafter", "end of the certificate's validity", MXT_FIELD_TIME, MXT_OPTIONAL, AT(TLS, certificate.not_after_us)},
    {"subjectaltname", "names and addresses that the certificate is for", MXT_FIELD_TEXTS, MXT_OPTIONAL, AT(TLS, certificate.subject_alt_names)},
    {"subjectaltname_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(TLS, certificate.subject_alt_names)},
    {"certificate", "more of the server's certificate", MXT_FIELD_GROUP, MXT_OPTIONAL, .as.table = &certificate_table},
};
static const struct mxt_field_table tls_table = TABLE(tls, TLS);

/* session */

#define CAPTURE struct mxt_capture_facts
static const struct mxt_field capture[] = {
    {"packets", "of the session, seen", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(CAPTURE, packets)},
    {"bytes", "of its frames, on the wire", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(CAPTURE, bytes)},
    {"gap_bytes_toserver", "not captured", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(CAPTURE, gap_bytes_toserver)},
    {"gap_bytes_toclient", "not captured", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(CAPTURE, gap_bytes_toclient)},
    {"midstream", "the session began before the capture", MXT_FIELD_BOOL, MXT_ALWAYS, AT(CAPTURE, midstream)},
    {"one_sided", "one direction alone was captured", MXT_FIELD_BOOL, MXT_ALWAYS, AT(CAPTURE, one_sided)},
    {"conflicting_overlaps", "times that bytes came twice and differed", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(CAPTURE, conflicting_overlaps)},
    {"ended", "how; absent while it goes on", MXT_FIELD_STRING, MXT_OPTIONAL, AT(CAPTURE, ended),
     .as.pattern = "^(fin|rst|half_closed|idle|reused|evicted|capture_end)$"},
};
static const struct mxt_field_table capture_table = TABLE(capture, CAPTURE);

#define FINDING struct mxt_finding
static const struct mxt_field finding[] = {
    {"rule", "that found it", MXT_FIELD_NAME, MXT_REQUIRED, AT(FINDING, rule), .as.vocabulary = &rules},
    {"severity", "in this session", MXT_FIELD_NAME, MXT_REQUIRED, AT(FINDING, severity), .as.vocabulary = &severities},
    {"domain", "that it is about", MXT_FIELD_STRING, MXT_OPTIONAL, AT(FINDING, domain)},
    {"result_type", "RFC 8460 4.3", MXT_FIELD_STRING, MXT_OPTIONAL, AT(FINDING, result_type)},
    {"evidence", "what was seen", MXT_FIELD_EVIDENCE, MXT_ALWAYS, POINTER_AT(FINDING, evidence)},
};
static const struct mxt_field_table finding_table = LINKED_TABLE(finding, FINDING);

#define RECORD struct mxt_record
static const struct mxt_field session[] = {
    {"timestamp", "of the newest packet that the record rests on", MXT_FIELD_TIME, MXT_REQUIRED, AT(RECORD, timestamp_us)},
    {"event_type", "kind of event", MXT_FIELD_CONSTANT, MXT_REQUIRED, .as.constant = "session"},
    {"schema_version", "counts up when a field changes its meaning", MXT_FIELD_UNSIGNED, MXT_REQUIRED, AT(RECORD, version)},
    {"sensor", "name of the sensor", MXT_FIELD_STRING, MXT_REQUIRED, AT(RECORD, sensor)},
    {"sensor_start", "when the sensor began; absent in a replay", MXT_FIELD_TIME, MXT_OPTIONAL, AT(RECORD, sensor_start_us)},
    {"sequence", "of the record at its sensor since then, from 1", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(RECORD, sequence)},
    {"session_id", "the same at every sensor on the path, as a rule", MXT_FIELD_HEX, MXT_REQUIRED, AT(RECORD, session_id)},
    {"snapshot", "of the session at this sensor, from 1; a later one replaces an earlier", MXT_FIELD_UNSIGNED, MXT_REQUIRED, AT(RECORD, snapshot)},
    {"final", "no later snapshot will come", MXT_FIELD_BOOL, MXT_REQUIRED, AT(RECORD, final)},
    {"start", "of the session, or of what was captured of it", MXT_FIELD_TIME, MXT_ALWAYS, AT(RECORD, start_us)},
    {"duration_ms", "from start to the newest packet", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(RECORD, duration_ms)},
    {"src_ip", "client", MXT_FIELD_ADDRESS, MXT_REQUIRED, AT(RECORD, src_ip)},
    {"src_port", "client's port", MXT_FIELD_UNSIGNED, MXT_REQUIRED, AT(RECORD, src_port)},
    {"proxied_src_ip", "true client, from a PROXY header", MXT_FIELD_STRING, MXT_OPTIONAL, AT(RECORD, proxied_src_ip)},
    {"dest_ip", "server", MXT_FIELD_ADDRESS, MXT_REQUIRED, AT(RECORD, dest_ip)},
    {"dest_port", "server's port", MXT_FIELD_UNSIGNED, MXT_REQUIRED, AT(RECORD, dest_port)},
    {"proto", "transport", MXT_FIELD_CONSTANT, MXT_ALWAYS, .as.constant = "TCP"},
    {"app_proto", "what the server of a mail port speaks, where that is neither SMTP nor TLS and known", MXT_FIELD_STRING, MXT_OPTIONAL, AT(RECORD, app_proto)},
    {"vlan", "tags, outermost first", MXT_FIELD_TAGS, MXT_OPTIONAL, AT(RECORD, vlan), .other = offsetof(RECORD, vlan_count)},
    {"community_id", "flow hash that other tools know (Community ID, seed 0)", MXT_FIELD_STRING, MXT_OPTIONAL, AT(RECORD, community_id)},
    {"hop", "whose hop it was, by the home networks", MXT_FIELD_NAME, MXT_OPTIONAL, AT(RECORD, hop), .as.vocabulary = &hops},
    {"in_iface", "interface that it was captured on", MXT_FIELD_STRING, MXT_OPTIONAL, AT(RECORD, in_iface)},
    {"capture", "how well it was captured", MXT_FIELD_PART, MXT_ALWAYS, AT(RECORD, capture), .as.table = &capture_table},
    {"smtp", "what crossed in the clear; absent where TLS came first", MXT_FIELD_POINTER, MXT_OPTIONAL, POINTER_AT(RECORD, smtp), .as.table = &smtp_table},
    {"tls", "what could be seen of TLS; absent where there was none", MXT_FIELD_POINTER, MXT_OPTIONAL, POINTER_AT(RECORD, tls), .as.table = &tls_table},
    {"findings", "what follows from this session alone", MXT_FIELD_LIST, MXT_ALWAYS, POINTER_AT(RECORD, findings), .as.table = &finding_table},
};
const struct mxt_field_table mxt_session_fields = TABLE(session, RECORD);

/* alert */

#define ALERT struct mxt_alert
static const struct mxt_field eve_alert[] = {
    {"action", "mxtap only watches", MXT_FIELD_CONSTANT, MXT_ALWAYS, .as.constant = "allowed"},
    {"gid", "generator", MXT_FIELD_DERIVED, MXT_ALWAYS, AT(ALERT, rule), .as.derive = rule_gid},
    {"signature_id", "number of the RFC behind the rule times 1000, plus a counter", MXT_FIELD_DERIVED, MXT_ALWAYS, AT(ALERT, rule), .as.derive = rule_sid},
    {"rev", "revision of the rule", MXT_FIELD_DERIVED, MXT_ALWAYS, AT(ALERT, rule), .as.derive = rule_rev},
    {"signature", "title of the rule", MXT_FIELD_TITLE, MXT_ALWAYS, AT(ALERT, rule), .as.title = rule_signature},
    {"category", "of all alerts", MXT_FIELD_CONSTANT, MXT_ALWAYS, .as.constant = MXT_ALERT_CATEGORY},
    {"severity", "EVE's: 1 critical and high, 2 medium, 3 low, 4 info", MXT_FIELD_DERIVED, MXT_ALWAYS, AT(ALERT, severity), .as.derive = eve_severity},
};
static const struct mxt_field_table eve_alert_table = TABLE(eve_alert, ALERT);

static const struct mxt_field mxtap[] = {
    {"alert_id", "the same whenever the same records are judged", MXT_FIELD_HEX, MXT_REQUIRED, AT(ALERT, alert_id)},
    {"incident_id", "shared by alerts that rest on the same session", MXT_FIELD_HEX, MXT_ALWAYS, AT(ALERT, incident_id)},
    {"rule", "that raised it", MXT_FIELD_NAME, MXT_REQUIRED, AT(ALERT, rule), .as.vocabulary = &rules},
    {"severity", "in mxtap's words", MXT_FIELD_NAME, MXT_REQUIRED, AT(ALERT, severity), .as.vocabulary = &severities},
    {"hop", "whose hop it was, by the home networks", MXT_FIELD_NAME, MXT_OPTIONAL, AT(ALERT, hop), .as.vocabulary = &hops},
    {"domain", "that it is about", MXT_FIELD_STRING, MXT_OPTIONAL, AT(ALERT, domain)},
    {"server_name", "name of the server", MXT_FIELD_STRING, MXT_OPTIONAL, AT(ALERT, server_name)},
    {"result_type", "RFC 8460 4.3", MXT_FIELD_STRING, MXT_OPTIONAL, AT(ALERT, result_type)},
    {"count", "sessions that it rests on", MXT_FIELD_UNSIGNED, MXT_ALWAYS, AT(ALERT, count)},
    {"first_seen", "time of the first", MXT_FIELD_TIME, MXT_ALWAYS, AT(ALERT, first_seen_us)},
    {"last_seen", "time of the last", MXT_FIELD_TIME, MXT_ALWAYS, AT(ALERT, last_seen_us)},
    {"sessions", "ids of the sessions, capped", MXT_FIELD_TEXTS, MXT_ALWAYS, AT(ALERT, sessions)},
    {"sessions_total", "all of them, where more than are listed", MXT_FIELD_TEXTS_TOTAL, MXT_OPTIONAL, AT(ALERT, sessions)},
    {"evidence", "what was seen", MXT_FIELD_EVIDENCE, MXT_ALWAYS, POINTER_AT(ALERT, evidence)},
    {"explanation", "what it means", MXT_FIELD_STRING, MXT_ALWAYS, AT(ALERT, explanation)},
    {"remedy", "what to check first", MXT_FIELD_STRING, MXT_ALWAYS, AT(ALERT, remedy)},
};
static const struct mxt_field_table mxtap_table = TABLE(mxtap, ALERT);

static const struct mxt_field alert[] = {
    {"timestamp", "of the newest evidence", MXT_FIELD_TIME, MXT_REQUIRED, AT(ALERT, timestamp_us)},
    {"event_type", "kind of event", MXT_FIELD_CONSTANT, MXT_REQUIRED, .as.constant = "alert"},
    {"sensor", "name of the sensor", MXT_FIELD_STRING, MXT_OPTIONAL, AT(ALERT, sensor)},
    {"src_ip", "client", MXT_FIELD_ADDRESS, MXT_OPTIONAL, AT(ALERT, src_ip)},
    {"src_port", "client's port", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(ALERT, src_port)},
    {"dest_ip", "server", MXT_FIELD_ADDRESS, MXT_OPTIONAL, AT(ALERT, dest_ip)},
    {"dest_port", "server's port", MXT_FIELD_UNSIGNED, MXT_OPTIONAL, AT(ALERT, dest_port)},
    {"proto", "transport", MXT_FIELD_CONSTANT, MXT_ALWAYS, .as.constant = "TCP"},
    {"community_id", "flow hash that other tools know (Community ID, seed 0)", MXT_FIELD_STRING, MXT_OPTIONAL, AT(ALERT, community_id)},
    {"alert", "as EVE has it", MXT_FIELD_GROUP, MXT_ALWAYS, .as.table = &eve_alert_table},
    {"mxtap", "our detail beside it", MXT_FIELD_GROUP, MXT_REQUIRED, .as.table = &mxtap_table},
};
const struct mxt_field_table mxt_alert_fields = TABLE(alert, ALERT);

/* health */

#define HEALTH struct mxt_health
static const struct mxt_field counters[] = {
    COUNTER(packets, "frames read"),
    COUNTER(bytes, "of frames on the wire"),
    COUNTER(kernel_drops, "frames lost for want of room in the kernel's ring: the sensor was too slow"),
    COUNTER(interface_drops, "frames lost in the card or its driver"),
    COUNTER(lost_queue, "records lost for want of room on their way to the judge or the publisher"),
    COUNTER(published, "events that Redis has acknowledged"),
    COUNTER(spooled, "events put into the spool while Redis was away"),
    COUNTER(spool_records, "events in the spool now"),
    COUNTER(spool_bytes, "of the spool on disk"),
    COUNTER(lost_spool, "events lost because neither Redis nor the spool took them, or the disk spoilt them"),
    COUNTER(redis_latency_us, "microseconds from the queue to Redis's acknowledgement, the longest of the last minute"),
    COUNTER(handed_on, "segments that another packet thread decoded than the one that owns their connection"),
    COUNTER(handed_lost, "segments lost between packet threads for want of room"),
    COUNTER(segments, "TCP segments of mail ports, of all ports with any-port"),
    COUNTER(other, "packets that are not mail"),
    COUNTER(fragments_pending, "fragments whose datagram was not complete yet"),
    COUNTER(malformed, "packets whose headers contradict themselves or are cut"),
    COUNTER(unsupported, "packets of unknown link type or encapsulation"),
    COUNTER(snapped, "frames cut by the snap length"),
    COUNTER(fragments_dropped, "fragments given up"),
    COUNTER(flows, "TCP connections of mail ports, of all ports with any-port"),
    COUNTER(flows_peak, "of those followed, most at one time"),
    COUNTER(flows_active, "of those followed, now"),
    COUNTER(newcomers_forgotten, "connections off the mail ports forgotten for a bound before they said what they are"),
    COUNTER(passed_flows, "connections off the mail ports that are no mail"),
    COUNTER(passed_segments, "segments of such connections, passed over"),
    COUNTER(passed_forgotten, "such connections forgotten for a bound, to be looked at once more"),
    COUNTER(claimed, "connections off the mail ports that are mail"),
    COUNTER(unidentified, "connections that nDPI could not be asked about, for a bound or for want of memory"),
    COUNTER(evicted, "flows given up for a bound"),
    COUNTER(evicted_for_memory, "flows given up for the bound on memory, those that were closed included"),
    COUNTER(relieved, "flows whose holes were given up for the bound on memory"),
    COUNTER(memory, "bytes for connections and what is held of them, now"),
    COUNTER(memory_peak, "most at one time"),
    COUNTER(refused, "allocations refused"),
    COUNTER(sessions, "final records"),
    COUNTER(sessions_encrypted, "sessions with TLS established"),
    COUNTER(sessions_plaintext, "sessions with a message exposed"),
    COUNTER(messages, "mail transactions in the clear"),
    COUNTER(messages_exposed, "messages whose content crossed in the clear"),
    COUNTER(messages_delivered, "messages answered with 2xx"),
    COUNTER(certificate_unseen, "established sessions whose certificate was not visible"),
    COUNTER(one_sided, "sessions with one direction alone captured"),
    COUNTER(midstream, "sessions that began before the capture"),
    COUNTER(kept, "sessions whose packets were kept (-w)"),
    COUNTER(kept_no_room, "connections whose packets were not kept for want of memory"),
    COUNTER(kept_lost, "sessions whose packets the file did not take"),
    COUNTER(gapped, "sessions with bytes that were not captured"),
    COUNTER(clock_jumps, "frames whose time lies a second or more before the one before"),
    COUNTER(gap_bytes, "bytes of sessions not captured"),
    COUNTER(retransmitted, "segments sent again"),
    COUNTER(duplicates, "packets captured twice"),
    COUNTER(conflicting_overlaps, "times that bytes came twice and differed"),
    COUNTER(bad_checksums_dropped, "segments dropped for a bad checksum"),
    COUNTER(bad_checksums_accepted, "segments taken in spite of one: offload at the capture"),
    COUNTER(ends_revoked, "FINs and RSTs behind which the connection went on: forged, or not received"),
    COUNTER(chains_verified, "certificate chains verified"),
    COUNTER(chains_cached, "certificate chains known before"),
    COUNTER(findings, "of all sessions"),
    COUNTER(suppressed, "findings that a person has switched off or suppressed"),
    COUNTER(alerts, "raised"),
};
static const struct mxt_field_table counters_table = TABLE(counters, HEALTH);

static const struct mxt_field health[] = {
    {"timestamp", "of the newest packet", MXT_FIELD_TIME, MXT_REQUIRED, AT(HEALTH, timestamp_us)},
    {"event_type", "kind of event", MXT_FIELD_CONSTANT, MXT_REQUIRED, .as.constant = "health"},
    {"sensor", "name of the sensor", MXT_FIELD_STRING, MXT_REQUIRED, AT(HEALTH, sensor)},
    {"final", "the sensor is leaving", MXT_FIELD_BOOL, MXT_ALWAYS, AT(HEALTH, final)},
    {"health", "counters since the sensor's start", MXT_FIELD_GROUP, MXT_ALWAYS, .as.table = &counters_table},
    {"advice", "where the counters speak of a bad mirror", MXT_FIELD_STRING, MXT_OPTIONAL, AT(HEALTH, advice)},
};
const struct mxt_field_table mxt_health_fields = TABLE(health, HEALTH);

_Static_assert(sizeof tls / sizeof tls[0] <= MXT_FIELDS_MAX && sizeof counters / sizeof counters[0] <= MXT_FIELDS_MAX, "the longest tables");
