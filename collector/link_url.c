/* redis://[user@]host[:port][/db], rediss://..., unix:/path[?db=N&user=NAME] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/link_int.h"

#define DEFAULT_PORT "6379"
#define DATABASE_MAX 65535u /* Redis counts its databases from 0 to what its configuration says, 15 where it says nothing */

static const char out_of_memory[] = "out of memory";

static enum mxt_status refuse(char *error, const char *sentence)
{
    snprintf(error, MXT_LINK_ERROR, "%s", sentence);
    return sentence == out_of_memory ? MXT_ENOMEM : MXT_EUSAGE;
}

static int hex_value(char c)
{
    const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c | 0x20);
    return at == NULL ? -1 : (int)(at - digits);
}

/* A copy of a part of the URL with its %XX undone. NULL: out of memory. A percent sign without two digits behind it stands for itself. */
static char *copy_part(const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    size_t used = 0;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        bool is_escape = text[i] == '%' && i + 2 < n && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
        copy[used++] = is_escape ? (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
        i += is_escape ? 2 : 0;
    }
    copy[used] = '\0';
    return copy;
}

/* A number in decimal digits up to `max`. */
static bool read_number(const char *text, size_t n, unsigned max, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
        if (value > max)
            return false;
    }
    *out = value;
    return n > 0;
}

static enum mxt_status read_database(const char *text, size_t n, struct mxt_link_target *target, char *error)
{
    if (!read_number(text, n, DATABASE_MAX, &target->database))
        return refuse(error, "Redis URL: the database is not a number: write it as redis://host:port/3 or unix:/path?db=3");
    return MXT_OK;
}

/* host, host:port, [address]:port */
static enum mxt_status read_host(const char *text, size_t n, struct mxt_link_target *target, char *error)
{
    const char *end = text + n, *host_end, *host = text;
    if (n > 0 && *text == '[') {
        host = text + 1;
        host_end = memchr(host, ']', n - 1);
        if (host_end == NULL)
            return refuse(error, "Redis URL: the bracket before an IPv6 address is never closed: write redis://[2001:db8::1]:6379");
        text = host_end + 1;
    } else {
        host_end = memchr(host, ':', n);
        text = host_end = host_end == NULL ? end : host_end;
    }
    unsigned port;
    snprintf(target->port, sizeof target->port, DEFAULT_PORT);
    if (text < end) {
        if (*text != ':' || !read_number(text + 1, (size_t)(end - text) - 1, UINT16_MAX, &port) || port == 0)
            return refuse(error, "Redis URL: what follows the host is no port: write redis://host:6379, and an IPv6 address in brackets");
        snprintf(target->port, sizeof target->port, "%u", port);
    }
    if (host_end == host)
        return refuse(error, "Redis URL: no host: write redis://host:6379");
    target->host = copy_part(host, (size_t)(host_end - host));
    return target->host == NULL ? refuse(error, out_of_memory) : MXT_OK;
}

static enum mxt_status read_network(const char *rest, struct mxt_link_target *target, char *error)
{
    size_t authority = strcspn(rest, "/?#");
    const char *tail = rest + authority, *at = memrchr(rest, '@', authority);
    if (at != NULL) {
        if (memchr(rest, ':', (size_t)(at - rest)) != NULL)
            return refuse(error, "Redis URL: a password in it shows in process lists: take it out, and put it into the environment's MXTAP_REDIS_PASSWORD or a file "
                                 "(redis.password_file)");
        if (at > rest && (target->user = copy_part(rest, (size_t)(at - rest))) == NULL)
            return refuse(error, out_of_memory);
        authority -= (size_t)(at - rest) + 1;
        rest = at + 1;
    }
    enum mxt_status status = read_host(rest, authority, target, error);
    if (status != MXT_OK)
        return status;
    if (*tail == '/' && tail[1] != '\0' && (status = read_database(tail + 1, strlen(tail + 1), target, error)) != MXT_OK)
        return status;
    if (*tail == '?' || *tail == '#')
        return refuse(error, "Redis URL: nothing follows host, port and database: write redis://host:6379/3");
    return MXT_OK;
}

/* db=N and user=NAME, with & between them. */
static enum mxt_status read_query(const char *query, struct mxt_link_target *target, char *error)
{
    enum mxt_status status = MXT_OK;
    while (*query != '\0' && status == MXT_OK) {
        size_t n = strcspn(query, "&");
        if (n > 3 && memcmp(query, "db=", 3) == 0)
            status = read_database(query + 3, n - 3, target, error);
        else if (n > 5 && memcmp(query, "user=", 5) == 0 && target->user == NULL)
            status = (target->user = copy_part(query + 5, n - 5)) == NULL ? refuse(error, out_of_memory) : MXT_OK;
        else
            status = refuse(error, "Redis URL: a unix socket takes db=NUMBER and user=NAME: write unix:/path?db=3&user=sensor");
        query += n + (query[n] == '&');
    }
    return status;
}

static enum mxt_status read_unix(const char *rest, struct mxt_link_target *target, char *error)
{
    target->is_unix = true;
    while (rest[0] == '/' && rest[1] == '/') /* unix:///path is written too */
        rest++;
    size_t n = strcspn(rest, "?");
    if (*rest != '/')
        return refuse(error, "Redis URL: the path of the socket is not absolute: write unix:/run/redis/redis.sock");
    if ((target->host = copy_part(rest, n)) == NULL)
        return refuse(error, out_of_memory);
    return rest[n] == '?' ? read_query(rest + n + 1, target, error) : MXT_OK;
}

/* What has passed holds no password, so the URL names itself. */
static enum mxt_status keep_name(const char *url, struct mxt_link_target *target, char *error)
{
    target->name = strdup(url);
    return target->name == NULL ? refuse(error, out_of_memory) : MXT_OK;
}

enum mxt_status mxt_link_url_read(const char *url, struct mxt_link_target *target, char *error)
{
    enum mxt_status status;
    memset(target, 0, sizeof *target);
    if (strncmp(url, "redis://", 8) == 0) {
        status = read_network(url + 8, target, error);
    } else if (strncmp(url, "rediss://", 9) == 0) {
        target->is_tls = true;
        status = read_network(url + 9, target, error);
    } else if (strncmp(url, "unix:", 5) == 0) {
        status = read_unix(url + 5, target, error);
    } else {
        status = refuse(error, "Redis URL: it begins with none of redis://, rediss:// (TLS) and unix:: write redis://host:6379 or unix:/run/redis/redis.sock");
    }
    return status == MXT_OK ? keep_name(url, target, error) : status;
}

void mxt_link_url_free(struct mxt_link_target *target)
{
    free(target->user);
    free(target->host);
    free(target->name);
}
