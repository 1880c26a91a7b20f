#include "rules/rule.h"

#include <string.h>

/* Places in {} and parts in [] are filled in as rules/rule.h says; a test raises every rule and finds none of them empty. */
/* clang-format off: it would break the sentences anew at every change. */
static const struct mxt_rule_info catalogue[] = {
    {MXT_RULE_STARTTLS_STRIPPED, 3207001, 1, MXT_SEVERITY_HIGH, "starttls.stripped", "RFC 3207 section 6", "STARTTLS missing where it is known to be offered",
     "{server}[ ({server_name})] does not offer encryption to {client}: {reason}, though {known_by}[ ({policy_domain} enforces MTA-STS)][ ({offers} of the last "
     "{replies} replies, the latest at {last_offer})].[ It has been missing since {lost_since}.][ Mail crossed in the clear (messages: {exposed_messages}).]",
     "Ask for the server's reply to EHLO beside the server itself and from the client's network: where only the client misses STARTTLS, a device between them "
     "takes it out. If the server's own answer lacks it, its configuration or certificate has changed."},
    {MXT_RULE_STARTTLS_CAPABILITY_MASKED, 3207002, 1, MXT_SEVERITY_HIGH, "starttls.capability_masked", "RFC 3207 section 6",
     "STARTTLS capability overwritten on the way",
     "The server {server}[ ({server_name})] lists a capability that reads \"{masked}\" here: a device between it and the sensor has overwritten a line, "
     "most likely its offer of encryption.[ Mail then crossed in the clear (messages: {exposed_messages}).]",
     "Look for a firewall or router with SMTP inspection on the way between {client} and {server} and switch the inspection off. Compare with the server's "
     "reply to EHLO taken beside the server itself: it shows the line as it was sent."},
    {MXT_RULE_STARTTLS_COMMAND_MANGLED, 3207003, 1, MXT_SEVERITY_HIGH, "starttls.command_mangled", "RFC 3207 section 6",
     "STARTTLS command overwritten on the way",
     "Where {client} should ask for encryption, \"{mangled_command}\" arrives, and {server}[ ({server_name})] refuses it with {reply_code}: a device "
     "between them has overwritten the command.[ Mail then crossed in the clear (messages: {exposed_messages}).]",
     "Look for a firewall or router with SMTP inspection between {client} and the sensor and switch the inspection off. The client's own log shows what it "
     "sent."},
    {MXT_RULE_STARTTLS_COMMAND_REFUSED, 3207004, 1, MXT_SEVERITY_MEDIUM, "starttls.command_refused", "RFC 3207 section 4", "STARTTLS offered, then refused",
     "{server}[ ({server_name})] offered encryption, but when {client} asked for it the answer was {reply_code}[ \"{reply_text}\"]. 500 or 502 after an "
     "offer means that offer and answer come from different software, as when a device on the way interferes.",
     "See in the log of {server} whether it received STARTTLS and what it answered. If it never did, a device on the way answered; if it did, its "
     "certificate, key or load is the likely cause."},
    {MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, 3207005, 1, MXT_SEVERITY_MEDIUM, "starttls.handshake_aborted", "RFC 3207 section 4.1",
     "TLS handshake aborted after STARTTLS",
     "{server}[ ({server_name})] agreed to encrypt for {client}, but no encrypted session came of it[: the {ended_by} ended it][, by {ended_how}][, alert "
     "{alert}].",
     "Compare what both sides support (protocol versions, ciphers) and whether the client accepts the server's certificate; the logs of both name the "
     "reason. If neither side ended it, a device between them did."},
    {MXT_RULE_STARTTLS_FALLBACK, 3207006, 1, MXT_SEVERITY_HIGH, "starttls.fallback", "RFC 3207 section 6", "Mail sent in the clear after TLS failed",
     "{client} sent mail in the clear to {server}[ ({server_name})] (messages: {exposed_messages}) after an attempt to encrypt had failed: {after}[ in session "
     "{failed_session} at {failed_at}, by {failed_with}]. Whoever can break the attempt can read the mail.",
     "Find out why the attempt failed (the other alerts of this incident say how). To keep mail from leaving unprotected, require TLS for this destination "
     "on {client}."},
    {MXT_RULE_STARTTLS_UNUSED, 3207007, 1, MXT_SEVERITY_LOW, "starttls.unused", "RFC 3207 section 4", "STARTTLS offered, never used",
     "{server}[ ({server_name})] offers encryption[ ({known_by})], {client} never asked for it and sent mail in the clear (messages: {exposed_messages}).[ It "
     "encrypted {encrypted_before} of its last {sessions_before} sessions with this server.]",
     "Switch on opportunistic TLS for outgoing mail on {client}. If it usually encrypts, find out what was different this time."},
    {MXT_RULE_STARTTLS_NOT_OFFERED, 3207008, 1, MXT_SEVERITY_INFO, "starttls.not_offered", "RFC 3207 section 4", "Mail sent in the clear, STARTTLS not offered",
     "{client} sent mail in the clear (messages: {exposed_messages}) to {server}[ ({server_name})]: {reason}. Whether this server ever offers encryption is "
     "not known.",
     "If the server is yours, switch STARTTLS on. If it is known to offer it, compare its reply to EHLO taken beside the server with the one seen here."},
    {MXT_RULE_STARTTLS_INJECTION_TOSERVER, 3207009, 1, MXT_SEVERITY_HIGH, "starttls.injection_toserver", "RFC 3207 section 4.2",
     "Plaintext injected before TLS, towards the server",
     "Plaintext ({injected_bytes} bytes[: {verbs}]) stood between STARTTLS and the client's first encrypted record. A server that keeps them runs a "
     "stranger's commands inside the encrypted session of {client} (CVE-2011-0411).",
     "Make sure that {server}[ ({server_name})] discards what it has buffered when TLS starts (update it), and find out whether {client} sent the bytes "
     "itself."},
    {MXT_RULE_STARTTLS_INJECTION_TOCLIENT, 3207010, 1, MXT_SEVERITY_HIGH, "starttls.injection_toclient", "RFC 3207 section 4.2",
     "Plaintext injected before TLS, towards the client",
     "Plaintext ({injected_bytes} bytes[: {verbs}]) stood between the server's consent to TLS and its first encrypted record. A client that keeps them "
     "takes a stranger's replies for those of {server}[ ({server_name})].",
     "Make sure that {client} discards what it has buffered when TLS starts (update it), and find out whether {server} sent the bytes itself."},
    {MXT_RULE_STARTTLS_SPLIT_VIEW, 3207011, 1, MXT_SEVERITY_CRITICAL, "starttls.split_view", "RFC 3207 section 6",
     "Two sensors saw different replies to EHLO in one session",
     "In one session of {client} with {server}[ ({server_name})] the reply to EHLO reads differently at the sensors {sensor} and {other_sensor}: {difference}[. "
     "Only at {sensor}: {only_here}][. Only at {other_sensor}: {only_there}]. Something between the two sensors rewrites the session.[ Mail crossed in the clear "
     "(messages: {exposed_messages}).]",
     "Look for a device or host on the path between the sensors {sensor} and {other_sensor} that rewrites SMTP or speaks it itself: a firewall with SMTP "
     "inspection, a mail proxy, a TLS offloader, a stranger. If none is meant to be there, treat the path as tampered with."},
    {MXT_RULE_TLS_VERSION_OBSOLETE, 8996001, 1, MXT_SEVERITY_MEDIUM, "tls.version_obsolete", "RFC 8996 sections 4 and 5", "Obsolete TLS version",
     "{client} and {server}[ ({server_name})] encrypt with {version}, which is withdrawn and can be attacked.[ The client offered up to {client_max_version}.]",
     "Update the side that speaks nothing newer than {version}, or switch TLS 1.2 and 1.3 on there."},
    {MXT_RULE_TLS_CIPHER_WEAK, 8446001, 1, MXT_SEVERITY_MEDIUM, "tls.cipher_weak", "RFC 8446 section 1.2", "Weak TLS cipher suite",
     "{client} and {server}[ ({server_name})] agreed on {cipher}: {weakness}.",
     "Remove such suites from the configuration of {server}, and of {client} where it is yours."},
    {MXT_RULE_TLS_DOWNGRADED, 8446002, 1, MXT_SEVERITY_HIGH, "tls.downgraded", "RFC 8446 section 4.1.3", "TLS downgraded by a third party",
     "{client} offered {server}[ ({server_name})] up to {client_max_version}, {version} was chosen, and the server's answer bears the mark that it was "
     "offered less: something between them has changed the offer.",
     "Capture on both sides and compare the ClientHello. A device that inspects TLS is the usual cause; without one, treat it as an attack."},
    {MXT_RULE_CERTIFICATE_HOST_MISMATCH, 6125001, 1, MXT_SEVERITY_MEDIUM, "certificate.host_mismatch", "RFC 6125 section 6", "Certificate for another name",
     "{server} showed a certificate that is not valid for {name}, the name from {name_from}[; it is valid for {names}].",
     "Check whether {server} is the right host for {name}, then have its certificate issued with that name. If it is not, find out what led the client there."},
    {MXT_RULE_CERTIFICATE_EXPIRED, 5280001, 1, MXT_SEVERITY_MEDIUM, "certificate.expired", "RFC 5280 section 4.1.2.5", "Certificate expired",
     "The certificate that {server}[ ({server_name})] showed ran out at {not_after}; the session was at {seen_at}.",
     "Renew the certificate and restart or reload the mail server; often the new one is there and was not loaded."},
    {MXT_RULE_CERTIFICATE_NOT_YET_VALID, 5280002, 1, MXT_SEVERITY_MEDIUM, "certificate.not_yet_valid", "RFC 5280 section 4.1.2.5", "Certificate not yet valid",
     "The certificate that {server}[ ({server_name})] showed is valid from {not_before} on; the session was at {seen_at}.",
     "Check the clock of the host that made the certificate and the clock of the capture, then the certificate in use."},
    {MXT_RULE_CERTIFICATE_UNTRUSTED, 5280003, 1, MXT_SEVERITY_LOW, "certificate.untrusted", "RFC 5280 section 6.1", "Certificate not trusted",
     "The certificate of {server}[ ({server_name})] does not lead to an authority of the trust store in use (chain {trust})[; it was issued by {issuer}].",
     "If the chain is incomplete, let the server send its intermediate certificates. If the issuer is your own authority, add it to the trust store; else "
     "use a certificate of a public one."},
    {MXT_RULE_CERTIFICATE_WEAK, 5280004, 1, MXT_SEVERITY_LOW, "certificate.weak", "RFC 5280 section 4.1.2.7", "Weak certificate",
     "The certificate of {server}[ ({server_name})] is weak: {weaknesses}.",
     "Have a new certificate issued with an RSA key of at least 2048 bits or an EC key of at least 256, signed with SHA-256 or better."},
    {MXT_RULE_CERTIFICATE_CHANGED, 5280005, 1, MXT_SEVERITY_MEDIUM, "certificate.changed", "RFC 5280 section 4.1.2.4", "Certificate of another issuer, out of time",
     "{server}[ ({server_name})] showed a certificate with a new key[ from {issuer}] (chain {trust}), an issuer that it never used before for this name. The one "
     "before, last seen at {old_seen_at}, was good until {old_not_after} and not due for renewal.",
     "Ask whoever runs {server} whether the certificate with this digest is theirs. If it is not, someone else answers in the server's place."},
    {MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, 8461001, 1, MXT_SEVERITY_CRITICAL, "mta_sts.plaintext_delivery", "RFC 8461 section 5",
     "Plaintext delivery to a domain that enforces MTA-STS",
     "{client} sent mail for {domain} in the clear (messages: {exposed_messages}) to {server}[ ({server_name})], although the domain's MTA-STS policy (mode "
     "{policy_mode}) asks for TLS. STARTTLS: {starttls}.[ It took mail for {relayed_domains} or more unrelated domains from this client: it seems to be a relay, "
     "which no policy binds.][ This client encrypted {encrypted_before} of its last {sessions_before} sessions with this server.]",
     "Check in the log of {client} why it did not encrypt, whether it honours MTA-STS at all, and whether {server} is an MX of {domain}: a relay in between "
     "is not bound by the policy, a diverted route is an attack."},
    {MXT_RULE_MTA_STS_MX_MISMATCH, 8461002, 1, MXT_SEVERITY_HIGH, "mta_sts.mx_mismatch", "RFC 8461 section 4.1",
     "Mail for an MTA-STS domain taken to another host",
     "{client} took mail for {domain} to {mx} ({server}), a name that the domain's MTA-STS policy (mode {policy_mode}) does not list; it lists {policy_mx}.",
     "Look up the MX records of {domain} from a trusted resolver. If they name {mx}, the policy is out of date; if not, someone answers DNS queries of "
     "{client} falsely."},
    {MXT_RULE_MTA_STS_CERTIFICATE_INVALID, 8461003, 1, MXT_SEVERITY_CRITICAL, "mta_sts.certificate_invalid", "RFC 8461 section 4.2",
     "MX of an MTA-STS domain shows an invalid certificate",
     "{mx} ({server}), an MX of {domain} by its MTA-STS policy (mode {policy_mode}), showed a certificate that senders must not accept: {faults}. Whether "
     "mail was sent is not visible.",
     "If {server} is the domain's own host, renew or correct its certificate: senders that honour the policy cannot deliver. If it is not, the connection "
     "of {client} was diverted."},
    {MXT_RULE_MTA_STS_TLS_OBSOLETE, 8461004, 1, MXT_SEVERITY_MEDIUM, "mta_sts.tls_obsolete", "RFC 8461 section 4", "Obsolete TLS to an MX of an MTA-STS domain",
     "{client} and {mx} ({server}), an MX of {domain} by its MTA-STS policy (mode {policy_mode}), encrypt with {version}. Whether mail was sent is not "
     "visible.",
     "Find out which side speaks nothing newer than {version} and update it. If both can do better, something between them holds the version down."},
    {MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS, 4954001, 1, MXT_SEVERITY_HIGH, "auth.plaintext_credentials", "RFC 4954 section 4", "Credentials sent outside TLS",
     "{client} sent credentials to {server}[ ({server_name})] without encryption[, by {mechanism}][; the answer was {reply_code}]. Everyone on the way "
     "could read what it sent.",
     "Have the account's password changed, let the client require TLS, and let the server offer AUTH only inside TLS."},
    {MXT_RULE_SMTP_SMUGGLING, 5321001, 1, MXT_SEVERITY_MEDIUM, "smtp.smuggling", "RFC 5321 section 4.1.1.4", "End-of-message look-alike inside a message",
     "A message from {client} to {server}[ ({server_name})] contains what a careless server takes for its end: {marks}. Such marks smuggle a second, forged "
     "message past the first server's checks.",
     "Make sure that {server} and the hosts behind it take only CR LF . CR LF for a message's end (Postfix: smtpd_forbid_bare_newline), and look at who "
     "sent the message."},
    {MXT_RULE_SMTP_OTHER_PROTOCOL, 5321002, 1, MXT_SEVERITY_LOW, "smtp.other_protocol", "RFC 5321 section 4.5.4.2", "Another protocol on a mail port",
     "{server} answers {client} on a mail port in another protocol than SMTP: {protocol}.",
     "Find out what listens on {server} and why {client} speaks to it there. Mail ports are often open in firewalls, so a tunnel or a service that hides may "
     "use one."},
    {MXT_RULE_TCP_CONFLICTING_OVERLAP, 9293001, 1, MXT_SEVERITY_MEDIUM, "tcp.conflicting_overlap", "RFC 9293 section 3.10.7.4", "Conflicting TCP data",
     "The same part of the connection between {client} and {server}[ ({server_name})] was sent again with other bytes (times: {overlaps}). An honest sender "
     "repeats itself word for word: someone injects packets, or a device rewrites them.",
     "Compare the two copies in a capture (tshark -Y tcp.analysis.retransmission): their TTL and their IP identification tell whether they come from one "
     "host."},
    {MXT_RULE_SENSOR_PACKET_LOSS, 1001, 1, MXT_SEVERITY_MEDIUM, "sensor.packet_loss", "-", "Sensor loses what it should see",
     "The sensor {sensor} could not take in all that it should have seen ({frames_dropped} of {frames} frames dropped, {records_lost} records lost since it told "
     "of its health before): findings may be missing.",
     "Give the sensor more room or less to do: more workers, a larger ring, a filter for the mail ports; see its health events for the cause of the loss."},
    {MXT_RULE_SENSOR_SILENT, 1002, 1, MXT_SEVERITY_HIGH, "sensor.silent", "-", "Sensor stopped reporting",
     "Nothing was heard of the sensor {sensor} since {since}, and it did not say that it would stop. What happens on its link goes unseen.",
     "See on the sensor's host whether mxtap-sensor runs and what it said last, then whether it reaches Redis."},
    {MXT_RULE_SENSOR_BLIND, 1003, 1, MXT_SEVERITY_MEDIUM, "sensor.blind", "-", "Sensor sees no mail where there always was some",
     "The sensor {sensor} is alive and has seen no mail since {since}, for more than twice as long as ever in the last week.",
     "Check that the mirror port still copies the mail servers' traffic to the sensor (a changed switch or route, a pulled cable), and that mail flows at all."},
    {MXT_RULE_SENSOR_REJECTED, 1004, 1, MXT_SEVERITY_MEDIUM, "sensor.rejected", "-", "Events that could not be read",
     "Events of the sensor {sensor} could not be read ({rejected} so far)[: {reason}]. What they told is not judged.",
     "Look at the stream of rejected events. A sensor of a newer version than the collector's, or something else that writes to the stream, is the likely cause."},
};
/* clang-format on */

#define COUNT (sizeof catalogue / sizeof catalogue[0])

static const char *const severity_names[] = {NULL, "info", "low", "medium", "high", "critical"};

#define SEVERITIES (sizeof severity_names / sizeof severity_names[0])

const struct mxt_rule_info *mxt_rule_catalogue(size_t *count)
{
    *count = COUNT;
    return catalogue;
}

const struct mxt_rule_info *mxt_rule_info(enum mxt_rule rule)
{
    for (size_t i = 0; i < COUNT; i++)
        if (catalogue[i].rule == rule)
            return &catalogue[i];
    return NULL;
}

enum mxt_rule mxt_rule_from_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < COUNT; i++)
        if (strcmp(catalogue[i].name, name) == 0)
            return catalogue[i].rule;
    return MXT_RULE_NONE;
}

const char *mxt_severity_name(enum mxt_severity severity)
{
    return (unsigned)severity < SEVERITIES ? severity_names[severity] : NULL;
}

enum mxt_severity mxt_severity_from_name(const char *name)
{
    for (unsigned i = 1; name != NULL && i < SEVERITIES; i++)
        if (strcmp(severity_names[i], name) == 0)
            return (enum mxt_severity)i;
    return MXT_SEVERITY_NONE;
}
