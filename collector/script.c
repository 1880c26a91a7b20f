#include "collector/script.h"

#include <stdio.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/partition.h"

#define WORDS_MAX 8 /* of a small script: keys and arguments */

/*
 * ARGV: lease, its ms, old cursor, new cursor, last alert, last reject ("-": none is added), hashes of alerts to keep, now, prefix; then for each key behind the
 * fixed ones its operation: P, U, A: ms to live (0: as it is), number of fields, fields; F: the field; D: nothing; X: entries to keep, id, number of fields,
 * fields. That a hash is none is found while writing: it is replaced, and refuses nothing.
 */
static const char apply[] =
    "#!lua\n"
    "local FIXED, HEAD = 6, 9\n"
    "local call, keys, argv = redis.call, KEYS, ARGV\n"
    "local function kind(key) return call('TYPE', key).ok end\n"
    "local function expect(key, wanted)\n"
    "  local found = kind(key)\n"
    "  if found ~= 'none' and found ~= wanted then return 'WRONGKEY ' .. key .. ' is a ' .. found .. ', not a ' .. wanted end\n"
    "end\n"
    "local wrong = expect(keys[1], 'string') or expect(keys[2], 'string') or expect(keys[3], 'stream') or expect(keys[4], 'stream')\n"
    "  or expect(keys[5], 'stream') or expect(keys[6], 'zset')\n"
    "if wrong then return redis.error_reply(wrong) end\n"
    "if call('GET', keys[1]) ~= argv[1] then return redis.error_reply('FENCED ' .. keys[1] .. ' is not ours any more') end\n"
    "if (call('GET', keys[2]) or '') ~= argv[3] then return redis.error_reply('STALE ' .. keys[2] .. ' is not where it was') end\n"
    "local function last_id(key)\n"
    "  if call('EXISTS', key) == 0 then return '' end\n"
    "  local info = call('XINFO', 'STREAM', key)\n"
    "  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return info[i + 1] end end\n"
    "end\n"
    "if argv[5] ~= '-' and last_id(keys[4]) ~= argv[5] then return redis.error_reply('STALE ' .. keys[4] .. ' does not end where it did') end\n"
    "if argv[6] ~= '-' and last_id(keys[5]) ~= argv[6] then return redis.error_reply('STALE ' .. keys[5] .. ' does not end where it did') end\n"
    "local healed, indexed, at = {}, false, HEAD + 1\n"
    "local function change(command, key, ...)\n"
    "  local done = redis.pcall(command, key, ...)\n"
    "  if type(done) ~= 'table' or not done.err then return end\n"
    "  if string.find(done.err, 'WRONGTYPE', 1, true) then\n"
    "    healed[#healed + 1] = key\n"
    "    call('DEL', key)\n"
    "  end\n"
    "  call(command, key, ...)\n"
    "end\n"
    "for i = FIXED + 1, #keys do\n"
    "  local op, key = argv[at], keys[i]\n"
    "  if op == 'X' then\n"
    "    local last = at + 3 + 2 * argv[at + 3]\n"
    "    call('XADD', key, 'MAXLEN', '~', argv[at + 1], argv[at + 2], unpack(argv, at + 4, last))\n"
    "    at = last + 1\n"
    "  elseif op == 'F' then\n"
    "    change('HDEL', key, argv[at + 1])\n"
    "    at = at + 2\n"
    "  elseif op == 'D' then\n"
    "    call('DEL', key)\n"
    "    at = at + 1\n"
    "  else\n"
    "    local last = at + 2 + 2 * argv[at + 2]\n"
    "    if op ~= 'U' or call('EXISTS', key) == 1 then\n"
    "      change('HSET', key, unpack(argv, at + 3, last))\n"
    "      if argv[at + 1] ~= '0' then call('PEXPIRE', key, argv[at + 1]) end\n"
    "      if op == 'A' then\n"
    "        call('HSETNX', key, 'status', 'open')\n"
    "        call('ZADD', keys[6], argv[8], string.sub(key, #argv[9] + 7))\n"
    "        indexed = true\n"
    "      end\n"
    "    end\n"
    "    at = last + 1\n"
    "  end\n"
    "end\n"
    "if indexed then\n"
    "  local surplus = call('ZCARD', keys[6]) - argv[7]\n"
    "  if surplus > 0 then\n"
    "    local gone = call('ZPOPMIN', keys[6], surplus)\n"
    "    for i = 1, #gone, 2 do call('DEL', argv[9] .. 'alert:' .. gone[i]) end\n"
    "  end\n"
    "end\n"
    "if argv[4] ~= argv[3] then\n"
    "  call('SET', keys[2], argv[4])\n"
    "  call('XTRIM', keys[3], 'MINID', '~', argv[4])\n"
    "end\n"
    "call('PEXPIRE', keys[1], argv[2])\n"
    "return healed\n";

/* The lease's scripts and the roster's write next to nothing, and serve to mend what is full. */
static const char acquire[] =
    "#!lua flags=allow-oom\n"
    "local value = redis.call('GET', KEYS[1])\n"
    "if value and string.match(value, '^%d+ (.*)$') ~= ARGV[1] then return false end\n"
    "local mine = redis.call('INCR', KEYS[2]) .. ' ' .. ARGV[1]\n"
    "redis.call('SET', KEYS[1], mine, 'PX', ARGV[2])\n"
    "return mine\n";

static const char renew[] =
    "#!lua flags=allow-oom\n"
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n";

static const char release[] =
    "#!lua flags=allow-oom\n"
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "return redis.call('DEL', KEYS[1])\n";

static const char present[] =
    "#!lua flags=allow-oom\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "if ARGV[3] == '1' then redis.call('ZADD', KEYS[1], now, ARGV[1]) else redis.call('ZREM', KEYS[1], ARGV[1]) end\n"
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])\n"
    "local all = redis.call('ZRANGE', KEYS[1], 0, -1)\n"
    "table.sort(all)\n"
    "return all\n";

static const char tick[] =
    "#!lua\n"
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end\n"
    "return redis.call('XADD', KEYS[2], '*', 'type', 'clock')\n";

static const char *const texts[MXT_SCRIPTS] = {
    [MXT_SCRIPT_APPLY] = apply,     [MXT_SCRIPT_ACQUIRE] = acquire, [MXT_SCRIPT_RENEW] = renew,
    [MXT_SCRIPT_RELEASE] = release, [MXT_SCRIPT_PRESENT] = present, [MXT_SCRIPT_TICK] = tick,
};

enum mxt_status mxt_scripts_load(struct mxt_scripts *scripts, struct mxt_link *link, char *error)
{
    for (size_t i = 0; i < MXT_SCRIPTS; i++) {
        redisReply *reply = mxt_link_call(link, 3, (const char *const[]){"SCRIPT", "LOAD", texts[i]}, NULL);
        bool is_loaded = reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == MXT_SCRIPT_SHA - 1;
        if (is_loaded)
            memcpy(scripts->sha[i], reply->str, MXT_SCRIPT_SHA);
        else if (reply == NULL)
            snprintf(error, MXT_LINK_ERROR, "%s", mxt_link_error(link));
        else
            mxt_link_explain(link, reply, error);
        mxt_reply_free(reply);
        if (!is_loaded)
            return MXT_EIO;
    }
    return MXT_OK;
}

void mxt_script_explain_key(const struct mxt_link *link, const char *what, char *out)
{
    snprintf(out, MXT_LINK_ERROR, "%.80s: %.100s: rename or delete it, it stands in the collector's way", mxt_link_name(link), what);
}

enum mxt_status mxt_scripts_check_keys(struct mxt_link *link, const char *prefix, char *error)
{
    static const struct {
        const char *name, *kind;
    } keys[] = {{"lease", "string"}, {"token", "string"}, {"cursor", "string"}, {"events", "stream"}, {"alerts", "stream"}, {"rejected", "stream"}, {"alert_index", "zset"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[MXT_PARTITION_KEY + 16], what[MXT_LINK_ERROR];
        snprintf(key, sizeof key, "%s%s", prefix, keys[i].name);
        redisReply *reply = mxt_ask(link, error, 2, (const char *const[]){"TYPE", key});
        if (reply == NULL)
            return MXT_EIO;
        bool is_well = mxt_reply_is_text(reply, keys[i].kind) || mxt_reply_is_text(reply, "none");
        if (!is_well) {
            snprintf(what, sizeof what, "%s is a %.20s, not a %s", key, mxt_reply_is_text(reply, NULL) ? reply->str : "?", keys[i].kind);
            mxt_script_explain_key(link, what, error);
        }
        mxt_reply_free(reply);
        if (!is_well)
            return MXT_EIO;
    }
    return MXT_OK;
}

redisReply *mxt_script_call(const struct mxt_scripts *scripts, struct mxt_link *link, enum mxt_script script, size_t key_count, size_t word_count,
                            const char *const *words)
{
    const char *argv[3 + WORDS_MAX] = {"EVALSHA", scripts->sha[script], NULL};
    char keys[24];
    snprintf(keys, sizeof keys, "%zu", key_count);
    argv[2] = keys;
    for (size_t i = 0; i < word_count && i < WORDS_MAX; i++)
        argv[3 + i] = words[i];
    return mxt_link_call(link, 3 + word_count, argv, NULL);
}
