#include "rules/config_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "decoders/certificate.h"
#include "decoders/packet.h"
#include "rules/json.h"

#define SECOND_US       INT64_C(1000000)
#define DIGITS          "0123456789"
#define NUMBER_DIGITS   9 /* fit 32 bits */
#define DURATION_DIGITS 7 /* so that no number of days overflows its microseconds */

/* A number of one to `max_digits` digits, at most 9. -1: none. */
static int64_t read_digits(const char *text, size_t n, size_t max_digits)
{
    int64_t value = 0;
    if (n == 0 || n > max_digits)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

enum mxt_status mxt_value_port(const char *text, uint16_t *out)
{
    int64_t port = read_digits(text, strlen(text), 5);
    if (port < 1 || port > UINT16_MAX)
        return MXT_EMALFORMED;
    *out = (uint16_t)port;
    return MXT_OK;
}

enum mxt_status mxt_value_number(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    int64_t number = read_digits(text, strlen(text), NUMBER_DIGITS);
    if (number < 0 || number < min || number > max)
        return MXT_EMALFORMED;
    *out = (uint32_t)number;
    return MXT_OK;
}

enum mxt_status mxt_value_flag(const char *text, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0)
            continue;
        *out = strcmp(text, yes[i]) == 0;
        return MXT_OK;
    }
    return MXT_EMALFORMED;
}

enum mxt_status mxt_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    size_t n = strspn(text, DIGITS);
    int64_t number = read_digits(text, n, NUMBER_DIGITS);
    for (size_t i = 0; number >= 0 && i < sizeof units / sizeof units[0]; i++) {
        uint64_t size = (uint64_t)number << (10 * (i + 1));
        if (strcmp(text + n, units[i]) != 0 || size < min || size > max)
            continue;
        *out = size;
        return MXT_OK;
    }
    return MXT_EMALFORMED;
}

static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].unit) == 0)
            return units[i].seconds;
    return 0;
}

enum mxt_status mxt_value_duration(const char *text, int64_t min_us, int64_t max_us, int64_t *out)
{
    size_t n = strspn(text, DIGITS);
    int64_t number = read_digits(text, n, DURATION_DIGITS), us = number * unit_seconds(text + n) * SECOND_US;
    if (number <= 0 || us == 0 || us < min_us || us > max_us)
        return MXT_EMALFORMED;
    *out = us;
    return MXT_OK;
}

/* "Z" or "+01:00", in seconds east of UTC. MXT_EMALFORMED: neither. */
static enum mxt_status read_offset(const char *text, int64_t *out)
{
    if (strcmp(text, "Z") == 0) {
        *out = 0;
        return MXT_OK;
    }
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
        return MXT_EMALFORMED;
    int64_t hours = read_digits(text + 1, 2, 2), minutes = read_digits(text + 4, 2, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return MXT_EMALFORMED;
    *out = (hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return MXT_OK;
}

/* "", or "." and digits, of which six count. `micros` of 6 bytes holds '0' where there are fewer. Bytes passed. */
static size_t read_fraction(const char *text, char *micros)
{
    if (text[0] != '.')
        return 0;
    size_t digits = strspn(text + 1, DIGITS);
    memcpy(micros, text + 1, digits < 6 ? digits : 6);
    return digits == 0 ? 0 : digits + 1;
}

#define DATE_LENGTH 10 /* 2026-12-31 */
#define TIME_LENGTH 19 /* 2026-12-31T23:59:59 */

enum mxt_status mxt_value_until(const char *text, int64_t *out_us)
{
    char whole[MXT_JSON_TIME] = "0000-00-00T23:59:59.999999Z";
    int64_t offset = 0;
    size_t n = strlen(text);
    if (n == DATE_LENGTH) {
        memcpy(whole, text, DATE_LENGTH);
    } else if (n > TIME_LENGTH) {
        memcpy(whole, text, TIME_LENGTH);
        memset(whole + TIME_LENGTH + 1, '0', 6);
        const char *rest = text + TIME_LENGTH;
        rest += read_fraction(rest, whole + TIME_LENGTH + 1);
        if (read_offset(rest, &offset) != MXT_OK)
            return MXT_EMALFORMED;
    } else {
        return MXT_EMALFORMED;
    }
    int64_t time_us;
    if (mxt_json_time_parse(whole, &time_us) != MXT_OK)
        return MXT_EMALFORMED;
    *out_us = time_us - offset * SECOND_US + (n == DATE_LENGTH ? 1 : 0);
    return MXT_OK;
}

enum mxt_status mxt_value_domain(const char *text, struct mxt_arena *arena, const char **out)
{
    if (!mxt_name_is_domain(text))
        return MXT_EMALFORMED;
    size_t n = strlen(text);
    char *copy = mxt_arena_copy(arena, text, text[n - 1] == '.' ? n - 1 : n);
    if (copy == NULL)
        return MXT_ENOMEM;
    for (char *p = copy; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    *out = copy;
    return MXT_OK;
}

/* The address before the last colon, out of its brackets where it has some. An IPv6 address has to: its own colons would swallow the port. */
static enum mxt_status read_host(const char *text, size_t n, struct mxt_address *out)
{
    char host[MXT_ADDRESS_TEXT];
    bool is_bracketed = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    if (is_bracketed) {
        text++;
        n -= 2;
    }
    if (n >= sizeof host)
        return MXT_EMALFORMED;
    memcpy(host, text, n);
    host[n] = '\0';
    if (is_bracketed != (strchr(host, ':') != NULL))
        return MXT_EMALFORMED;
    return mxt_address_parse(host, out);
}

enum mxt_status mxt_value_listen(const char *text, struct mxt_address *address, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    struct mxt_address found;
    enum mxt_status status = colon == NULL ? mxt_address_parse("127.0.0.1", &found) : read_host(text, (size_t)(colon - text), &found);
    if (status != MXT_OK || mxt_value_port(colon == NULL ? text : colon + 1, port) != MXT_OK)
        return MXT_EMALFORMED;
    *address = found;
    return MXT_OK;
}

enum mxt_status mxt_value_server(const char *text, struct mxt_arena *arena, const char **out)
{
    const char *colon = strrchr(text, ':');
    struct mxt_address address;
    uint16_t port;
    if (colon == NULL)
        return mxt_value_domain(text, arena, out);
    if (mxt_value_port(colon + 1, &port) != MXT_OK || read_host(text, (size_t)(colon - text), &address) != MXT_OK)
        return MXT_EMALFORMED;
    char host[MXT_ADDRESS_TEXT], server[MXT_ADDRESS_TEXT + 8];
    mxt_address_format(&address, host);
    int n = snprintf(server, sizeof server, mxt_address_is_ipv4(&address) ? "%s:%u" : "[%s]:%u", host, (unsigned)port);
    *out = mxt_arena_copy(arena, server, (size_t)n);
    return *out == NULL ? MXT_ENOMEM : MXT_OK;
}
