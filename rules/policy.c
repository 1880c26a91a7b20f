#include "rules/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decoders/certificate.h"

#define QUOTED_MAX           40  /* bytes of a faulty text that a fault repeats */
#define LABEL_MAX            63  /* RFC 1035 2.3.4 */
#define HOST_NAME_MAX_LENGTH 253 /* the longest host name as text */

/* A piece of the policy's text. */
struct slice {
    const char *p;
    size_t n;
};

struct reader {
    struct mxt_arena *arena;
    struct mxt_policy *policy;
    unsigned line;
    bool has_version, has_mode, has_max_age;
    char *fault;
    size_t fault_size;
};

static enum mxt_status refuse(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

static enum mxt_status refuse(const struct reader *reader, const char *format, ...)
{
    if (reader->fault_size == 0)
        return MXT_EMALFORMED;
    int length = reader->line == 0 ? 0 : snprintf(reader->fault, reader->fault_size, "line %u: ", reader->line);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used < reader->fault_size) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reader->fault + used, reader->fault_size - used, format, arguments);
        va_end(arguments);
    }
    return MXT_EMALFORMED;
}

/* The slice as it may be shown to a person. */
static const char *quoted(const struct reader *reader, struct slice text)
{
    const char *safe = mxt_text_keep(reader->arena, (const uint8_t *)text.p, text.n, QUOTED_MAX);
    return safe == NULL ? "" : safe;
}

static bool is_equal(struct slice text, const char *word)
{
    return text.n == strlen(word) && memcmp(text.p, word, text.n) == 0;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char *lower_copy(struct mxt_arena *arena, const char *p, size_t n)
{
    char *copy = mxt_arena_copy(arena, p, n);
    for (size_t i = 0; copy != NULL && i < n; i++)
        copy[i] = lower(copy[i]);
    return copy;
}

/* sts-policy-ext-name, which every field's name is too. */
static bool is_field_name(struct slice name)
{
    if (name.n == 0 || name.n > 32 || !is_alphanumeric(name.p[0]))
        return false;
    for (size_t i = 1; i < name.n; i++)
        if (!is_alphanumeric(name.p[i]) && name.p[i] != '_' && name.p[i] != '-' && name.p[i] != '.')
            return false;
    return true;
}

/* RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str]. */
static bool is_label(const char *p, size_t n)
{
    if (n == 0 || n > LABEL_MAX || !is_alphanumeric(p[0]) || !is_alphanumeric(p[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alphanumeric(p[i]) && p[i] != '-')
            return false;
    return true;
}

/* sts-policy-mx-value: ["*."] Domain. */
static bool is_mx_pattern(struct slice value)
{
    if (value.n > 2 && memcmp(value.p, "*.", 2) == 0)
        value = (struct slice){value.p + 2, value.n - 2};
    if (value.n == 0 || value.n > HOST_NAME_MAX_LENGTH)
        return false;
    for (;;) {
        const char *dot = memchr(value.p, '.', value.n);
        size_t n = dot == NULL ? value.n : (size_t)(dot - value.p);
        if (!is_label(value.p, n))
            return false;
        if (dot == NULL)
            return true;
        value = (struct slice){dot + 1, value.n - n - 1};
    }
}

static enum mxt_status read_version(struct reader *reader, struct slice value)
{
    if (!is_equal(value, "STSv1"))
        return refuse(reader, "version \"%s\" is not known; it has to be STSv1", quoted(reader, value));
    return MXT_OK;
}

static enum mxt_status read_mode(struct reader *reader, struct slice value)
{
    for (unsigned mode = MXT_POLICY_NONE; mode <= MXT_POLICY_ENFORCE; mode++)
        if (is_equal(value, mxt_policy_mode_name((enum mxt_policy_mode)mode))) {
            reader->policy->mode = (enum mxt_policy_mode)mode;
            return MXT_OK;
        }
    return refuse(reader, "mode \"%s\" is not known; it has to be enforce, testing or none", quoted(reader, value));
}

static enum mxt_status read_max_age(struct reader *reader, struct slice value)
{
    uint64_t seconds = 0;
    bool is_number = value.n >= 1 && value.n <= 10;
    for (size_t i = 0; is_number && i < value.n; i++) {
        is_number = value.p[i] >= '0' && value.p[i] <= '9';
        seconds = seconds * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (!is_number || seconds > MXT_POLICY_MAX_AGE_MAX)
        return refuse(reader, "max_age \"%s\" is not a number of seconds from 0 to %u; write such a number", quoted(reader, value), MXT_POLICY_MAX_AGE_MAX);
    reader->policy->max_age = (uint32_t)seconds;
    return MXT_OK;
}

static enum mxt_status read_mx(struct reader *reader, struct slice value)
{
    if (!is_mx_pattern(value))
        return refuse(reader, "mx \"%s\" is no host name; write one host name, or *. and a domain", quoted(reader, value));
    const char *pattern = lower_copy(reader->arena, value.p, value.n);
    return pattern == NULL ? MXT_ENOMEM : mxt_text_list_add(&reader->policy->mx, reader->arena, pattern, UINT16_MAX);
}

/* A field that counts once: later ones are passed over unread. */
static enum mxt_status read_once(struct reader *reader, bool *is_known, struct slice value, enum mxt_status (*read)(struct reader *, struct slice))
{
    if (*is_known)
        return MXT_OK;
    *is_known = true;
    return read(reader, value);
}

static enum mxt_status read_field(struct reader *reader, struct slice name, struct slice value)
{
    if (is_equal(name, "version"))
        return read_once(reader, &reader->has_version, value, read_version);
    if (is_equal(name, "mode"))
        return read_once(reader, &reader->has_mode, value, read_mode);
    if (is_equal(name, "max_age"))
        return read_once(reader, &reader->has_max_age, value, read_max_age);
    if (is_equal(name, "mx"))
        return read_mx(reader, value);
    return MXT_OK;
}

static enum mxt_status read_line(struct reader *reader, struct slice line)
{
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    if (line.n == 0)
        return MXT_OK;
    const char *colon = memchr(line.p, ':', line.n);
    struct slice name = {line.p, colon == NULL ? 0 : (size_t)(colon - line.p)};
    if (colon == NULL || !is_field_name(name))
        return refuse(reader, "\"%s\" is no field; a policy is made of lines such as \"version: STSv1\"", quoted(reader, line));
    struct slice value = {colon + 1, line.n - name.n - 1};
    while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t'))
        value = (struct slice){value.p + 1, value.n - 1};
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return refuse(reader, "the value of %s holds a control character; remove it", quoted(reader, name));
    return read_field(reader, name, value);
}

static enum mxt_status read_lines(struct reader *reader, struct slice text)
{
    enum mxt_status status = MXT_OK;
    while (status == MXT_OK && text.n > 0) {
        reader->line++;
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end == NULL ? text.n : (size_t)(end - text.p);
        size_t taken = end == NULL ? n : n + 1;
        if (end != NULL && n > 0 && text.p[n - 1] == '\r')
            n--;
        status = read_line(reader, (struct slice){text.p, n});
        text = (struct slice){text.p + taken, text.n - taken};
    }
    return status;
}

static enum mxt_status check_whole(struct reader *reader)
{
    reader->line = 0;
    if (!reader->has_version)
        return refuse(reader, "there is no version; add the line \"version: STSv1\" (names are lower case)");
    if (!reader->has_mode)
        return refuse(reader, "there is no mode; add the line \"mode: enforce\", \"mode: testing\" or \"mode: none\" (names are lower case)");
    if (!reader->has_max_age)
        return refuse(reader, "there is no max_age; add a line such as \"max_age: 604800\" (names are lower case)");
    if (reader->policy->mx.count == 0 && reader->policy->mode != MXT_POLICY_NONE)
        return refuse(reader, "there is no mx; add a line \"mx: HOST\" for each MX host (names are lower case)");
    return MXT_OK;
}

enum mxt_status mxt_policy_read(struct mxt_arena *arena, const char *domain, const char *text, size_t n, struct mxt_policy *out, char *fault, size_t fault_size)
{
    *out = (struct mxt_policy){.mode = MXT_POLICY_NONE};
    struct reader reader = {.arena = arena, .policy = out, .fault_size = fault_size};
    reader.fault = fault;
    size_t length = strlen(domain);
    if (length > 0 && domain[length - 1] == '.')
        length--;
    enum mxt_status status = MXT_ENOMEM;
    if (n > MXT_POLICY_MAX)
        status = refuse(&reader, "the policy is longer than %d bytes; remove what is not part of it", MXT_POLICY_MAX);
    else if ((out->domain = lower_copy(arena, domain, length)) != NULL)
        status = read_lines(&reader, (struct slice){text, n});
    if (status == MXT_OK)
        status = check_whole(&reader);
    if (status != MXT_OK)
        *out = (struct mxt_policy){.mode = MXT_POLICY_NONE};
    return status;
}

bool mxt_policy_is_in_force(const struct mxt_policy *policy, int64_t time_us)
{
    return policy->fetched_us == 0 || (time_us >= policy->fetched_us && time_us - policy->fetched_us <= (int64_t)policy->max_age * 1000000);
}

bool mxt_policy_matches(const struct mxt_policy *policy, const char *mx)
{
    for (uint16_t i = 0; mx != NULL && i < policy->mx.count; i++)
        if (mxt_name_matches(policy->mx.items[i], mx))
            return true;
    return false;
}

const char *mxt_policy_mode_name(enum mxt_policy_mode mode)
{
    switch (mode) {
    case MXT_POLICY_NONE: return "none";
    case MXT_POLICY_TESTING: return "testing";
    case MXT_POLICY_ENFORCE: return "enforce";
    }
    return "none";
}
