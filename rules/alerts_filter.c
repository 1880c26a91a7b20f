/* What a person has said about rules: off, graded anew, suppressed for a while. */
#include <stdio.h>

#include "decoders/text.h"
#include "rules/alerts_int.h"

static bool is_server_called(const struct mxt_record *record, const char *server)
{
    if (record->tls != NULL && mxt_text_is_equal_nocase(record->tls->sni, server))
        return true;
    if (record->smtp != NULL && mxt_text_is_equal_nocase(record->smtp->server_name, server))
        return true;
    char address[MXT_ADDRESS_TEXT], text[MXT_ADDRESS_TEXT + sizeof "[]:65535"];
    mxt_address_format(&record->dest_ip, address);
    snprintf(text, sizeof text, mxt_address_is_ipv4(&record->dest_ip) ? "%s:%u" : "[%s]:%u", address, (unsigned)record->dest_port);
    return mxt_text_is_equal_nocase(text, server);
}

static bool is_suppressed_by(const struct mxt_suppression *suppression, const struct mxt_record *record, const struct mxt_finding *finding)
{
    if (suppression->until_us != 0 && record->start_us >= suppression->until_us)
        return false;
    if (suppression->rule != MXT_RULE_NONE && suppression->rule != finding->rule)
        return false;
    if (suppression->domain != NULL && !mxt_text_is_equal_nocase(suppression->domain, finding->domain))
        return false;
    if (suppression->has_network) {
        struct mxt_network network = suppression->network;
        const struct mxt_networks networks = {.items = &network, .count = 1};
        if (!mxt_networks_has(&networks, &record->src_ip) && !mxt_networks_has(&networks, &record->dest_ip))
            return false;
    }
    return suppression->server == NULL || is_server_called(record, suppression->server);
}

enum mxt_severity mxt_alerts_grade(const struct mxt_judge_config *config, const struct mxt_record *record, const struct mxt_finding *finding)
{
    if (config->is_off[finding->rule])
        return MXT_SEVERITY_NONE;
    for (size_t i = 0; i < config->suppression_count; i++)
        if (is_suppressed_by(&config->suppressions[i], record, finding))
            return MXT_SEVERITY_NONE;
    enum mxt_severity severity = config->regraded[finding->rule];
    return severity != MXT_SEVERITY_NONE ? severity : finding->severity;
}
