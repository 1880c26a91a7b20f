/* What Redis refuses, in words: place, matter, mend. */
#include <stdio.h>
#include <string.h>

#include "collector/link_int.h"

/* Redis begins an error with a word of its own. */
static const struct {
    const char *word, *sentence;
} refusals[] = {
    {"WRONGPASS", "user or password is wrong: check MXTAP_REDIS_PASSWORD or redis.password_file, and the user in the URL"},
    {"NOAUTH", "it wants a password: put it into the environment's MXTAP_REDIS_PASSWORD or a file (redis.password_file)"},
    {"NOPERM", "this user lacks a right that is needed: compare its ACL with those in deploy/"},
    {"MISCONF", "it cannot save to its disk and refuses writes: see Redis's log and its disk"},
    {"OOM", "its memory is full (maxmemory) and it refuses writes: give it more, or see why the collector does not work off the stream"},
    {"READONLY", "it is a replica and refuses writes: name the primary in the URL"},
    {"LOADING", "it is still loading its data"},
    {"MASTERDOWN", "it is a replica that has lost its primary"},
    {"MOVED", "it is one node of a cluster, and the key lives on another: name a node that holds it, or a Redis without cluster"},
    {"CLUSTERDOWN", "its cluster is down"},
    {"WRONGTYPE", "a key that is ours holds something of another type: is this database used by another program?"},
    {"NOREPLICAS", "too few of its replicas are there, and it refuses writes"},
    {"BUSY", "it is busy with a script"},
    {"TRYAGAIN", "its cluster is moving slots"},
};

bool mxt_link_is_error(const redisReply *reply, const char *word)
{
    size_t n = strlen(word);
    return reply->type == REDIS_REPLY_ERROR && reply->len >= n && memcmp(reply->str, word, n) == 0 && (reply->len == n || reply->str[n] == ' ');
}

/* Redis's own text may quote what we sent, and a false Redis may say anything: only plain characters pass. */
static void copy_plain(char *out, size_t size, const char *text, size_t n)
{
    size_t used = 0;
    for (; used + 1 < size && used < n; used++)
        out[used] = text[used] >= ' ' && text[used] <= '~' ? text[used] : '?';
    out[used] = '\0';
}

void mxt_link_explain(const struct mxt_link *link, const redisReply *reply, char *out)
{
    char text[100];
    if (reply->type != REDIS_REPLY_ERROR) {
        snprintf(out, MXT_LINK_ERROR, "%.*s: an answer of a kind that does not belong to the question (type %d)", MXT_LINK_NAME_SHOWN, link->target.name, reply->type);
        return;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (mxt_link_is_error(reply, refusals[i].word)) {
            snprintf(out, MXT_LINK_ERROR, "%.*s: %s (%s)", MXT_LINK_NAME_SHOWN, link->target.name, refusals[i].sentence, refusals[i].word);
            return;
        }
    copy_plain(text, sizeof text, reply->str, reply->len);
    snprintf(out, MXT_LINK_ERROR, "%.*s: it refuses: %s", MXT_LINK_NAME_SHOWN, link->target.name, text);
}
