#include "rules/networks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ITEM_MAX 64 /* bytes of the longest network as text, with room to spare */

static enum mxt_status append(struct mxt_networks *networks, const struct mxt_network *network)
{
    struct mxt_network *items = realloc(networks->items, (networks->count + 1) * sizeof *items);
    if (items == NULL)
        return MXT_ENOMEM;
    items[networks->count] = *network;
    networks->items = items;
    networks->count++;
    return MXT_OK;
}

/* A prefix length of one to three digits; -1 where it is none. */
static int parse_prefix(const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
        return -1;
    return atoi(text);
}

static bool has_host_bits(const struct mxt_network *network)
{
    for (unsigned bit = network->prefix; bit < 128; bit++)
        if ((network->address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return true;
    return false;
}

static enum mxt_status parse_network(char *item, struct mxt_network *out, char *error, size_t error_size)
{
    char *slash = strchr(item, '/');
    if (slash != NULL)
        *slash = '\0';
    if (mxt_address_parse(item, &out->address) != MXT_OK) {
        snprintf(error, error_size, "\"%s\" is no address; write a network as 10.0.0.0/8 or 2001:db8::/32", item);
        return MXT_EUSAGE;
    }
    int offset = mxt_address_is_ipv4(&out->address) ? 96 : 0;
    int prefix = slash == NULL ? 128 - offset : parse_prefix(slash + 1);
    if (prefix < 0 || prefix > 128 - offset) {
        snprintf(error, error_size, "\"%s/%s\" has no prefix length from 0 to %d", item, slash == NULL ? "" : slash + 1, 128 - offset);
        return MXT_EUSAGE;
    }
    out->prefix = (unsigned)(prefix + offset);
    if (has_host_bits(out)) {
        snprintf(error, error_size, "\"%s/%d\" has bits set behind its prefix; write the network's first address", item, prefix);
        return MXT_EUSAGE;
    }
    return MXT_OK;
}

enum mxt_status mxt_networks_add(struct mxt_networks *networks, const char *list, char *error, size_t error_size)
{
    size_t before = networks->count;
    enum mxt_status status = MXT_OK;
    const char *p = list;
    do {
        size_t n = strcspn(p, ",");
        char item[LIST_ITEM_MAX];
        struct mxt_network network;
        if (n == 0 || n >= sizeof item) {
            snprintf(error, error_size, "\"%.*s\" is no network; write 10.0.0.0/8 or 2001:db8::/32, separated by commas", (int)(n < 80 ? n : 80), p);
            status = MXT_EUSAGE;
            break;
        }
        memcpy(item, p, n);
        item[n] = '\0';
        status = parse_network(item, &network, error, error_size);
        if (status == MXT_OK)
            status = append(networks, &network);
        p += n;
    } while (status == MXT_OK && *p++ == ',');
    if (status != MXT_OK)
        networks->count = before;
    return status;
}

void mxt_networks_free(struct mxt_networks *networks)
{
    free(networks->items);
    *networks = (struct mxt_networks){0};
}

enum mxt_hop mxt_networks_hop(const struct mxt_networks *networks, const struct mxt_address *client, const struct mxt_address *server)
{
    bool from_home = mxt_networks_has(networks, client), to_home = mxt_networks_has(networks, server);
    if (from_home)
        return to_home ? MXT_HOP_INTERNAL : MXT_HOP_OUTBOUND;
    return to_home ? MXT_HOP_INBOUND : MXT_HOP_TRANSIT;
}
