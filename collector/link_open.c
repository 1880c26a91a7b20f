/* How a link begins and ends: what it needs to know, its connection, the greeting. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/link_int.h"

static bool read_password(struct mxt_link *link, const char *path, char *error)
{
    char text[MXT_LINK_PASSWORD_MAX + 1];
    size_t n = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, MXT_LINK_ERROR, "redis.password_file: %s: %s", path, strerror(errno));
        return false;
    }
    while (n < sizeof text && (got = read(fd, text + n, sizeof text - n)) > 0)
        n += (size_t)got;
    close(fd);
    if (n == sizeof text) {
        snprintf(error, MXT_LINK_ERROR, "redis.password_file: %s: more than %d bytes: it holds the password alone", path, MXT_LINK_PASSWORD_MAX);
    } else {
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
            n--;
        text[n] = '\0';
        if (n == 0)
            snprintf(error, MXT_LINK_ERROR, "redis.password_file: %s: it is empty or cannot be read: it holds the password alone", path);
        else if ((link->password = strdup(text)) == NULL)
            snprintf(error, MXT_LINK_ERROR, "out of memory");
    }
    OPENSSL_cleanse(text, sizeof text);
    return link->password != NULL;
}

static bool find_password(struct mxt_link *link, const struct mxt_link_config *config, char *error)
{
    if (config->password_file != NULL)
        return read_password(link, config->password_file, error);
    const char *text = getenv("MXTAP_REDIS_PASSWORD");
    if (text == NULL || *text == '\0')
        return true;
    if ((link->password = strdup(text)) == NULL)
        snprintf(error, MXT_LINK_ERROR, "out of memory");
    return link->password != NULL;
}

struct mxt_link *mxt_link_new(const struct mxt_link_config *config, char *error)
{
    struct mxt_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        snprintf(error, MXT_LINK_ERROR, "out of memory");
        return NULL;
    }
    link->fd = -1;
    link->connect_timeout_ms = config->connect_timeout_ms;
    link->reply_timeout_ms = config->reply_timeout_ms;
    bool is_good = mxt_link_url_read(config->url, &link->target, error) == MXT_OK && find_password(link, config, error);
    if (is_good && link->target.is_tls)
        is_good = (link->tls = mxt_link_tls_context(config, error)) != NULL;
    if (is_good)
        return link;
    mxt_link_free(link);
    return NULL;
}

void mxt_link_free(struct mxt_link *link)
{
    if (link == NULL)
        return;
    mxt_link_tls_close(link);
    if (link->fd >= 0)
        close(link->fd);
    mxt_link_forget_traffic(link);
    SSL_CTX_free(link->tls);
    if (link->password != NULL)
        OPENSSL_cleanse(link->password, strlen(link->password));
    if (link->out != NULL)
        OPENSSL_cleanse(link->out, link->out_size); /* the password went through it */
    free(link->password);
    mxt_link_url_free(&link->target);
    free(link->replies);
    free(link->out);
    free(link);
}

/* One question of the greeting; what is no error, or one that `accepted` names, is fine. */
static enum mxt_status greet(struct mxt_link *link, size_t argc, const char *const *argv, const char *accepted)
{
    char text[MXT_LINK_ERROR];
    redisReply *reply = mxt_link_call(link, argc, argv, NULL);
    if (reply == NULL)
        return MXT_EIO;
    bool is_fine = reply->type != REDIS_REPLY_ERROR || (accepted != NULL && mxt_link_is_error(reply, accepted));
    if (!is_fine) {
        mxt_link_explain(link, reply, text);
        (void)mxt_link_break(link, "refused");
        memcpy(link->error, text, sizeof text);
    }
    mxt_reply_free(reply);
    return is_fine ? MXT_OK : MXT_EIO;
}

/* Says who we are and looks whether Redis answers. A user of least rights may not have PING: it is known to be let in all the same. */
static enum mxt_status introduce(struct mxt_link *link)
{
    char database[12];
    const char *password = link->password != NULL ? link->password : "";
    const char *auth[] = {"AUTH", password, NULL}, *select[] = {"SELECT", database}, *ping[] = {"PING"};
    enum mxt_status status = MXT_OK;
    if (link->target.user != NULL)
        auth[1] = link->target.user, auth[2] = password;
    if (link->target.user != NULL || link->password != NULL)
        status = greet(link, link->target.user != NULL ? 3 : 2, auth, NULL);
    snprintf(database, sizeof database, "%u", link->target.database);
    if (status == MXT_OK && link->target.database != 0)
        status = greet(link, 2, select, NULL);
    return status == MXT_OK ? greet(link, 1, ping, "NOPERM") : status;
}

enum mxt_status mxt_link_connect(struct mxt_link *link)
{
    int64_t deadline = mxt_link_now_ms() + link->connect_timeout_ms;
    (void)mxt_link_break(link, "closed to connect anew");
    mxt_link_forget_traffic(link);
    enum mxt_status status = mxt_link_new_reader(link);
    if (status == MXT_OK)
        status = mxt_link_open_socket(link, deadline);
    if (status == MXT_OK && link->tls != NULL)
        status = mxt_link_tls_open(link, deadline);
    if (status != MXT_OK)
        return status;
    uint32_t reply_timeout_ms = link->reply_timeout_ms;
    link->reply_timeout_ms = link->connect_timeout_ms;
    status = introduce(link);
    link->reply_timeout_ms = reply_timeout_ms;
    return status;
}
