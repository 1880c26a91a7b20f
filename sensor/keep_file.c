#include "sensor/keep_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decoders/link.h"
#include "sensor/confine.h"

#define LINK_TYPES    16    /* interfaces of a pcapng file, one a link type */
#define SNAP          262144u
#define PCAP_MAGIC    0xa1b2c3d4u
#define SECTION_BLOCK 0x0a0d0d0au
#define BYTE_MAGIC    0x1a2b3c4du
#define FILE_MODE     0600

struct mxt_keep_file {
    const struct mxt_options *options;
    int fd;
    bool is_pcapng, is_running, is_closed;
    bool is_complaining; /* a full disk was told */
    int link_types[LINK_TYPES];
    uint32_t link_count;
    off_t end; /* of what is whole */
    atomic_size_t left; /* of the budget */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_news;
    struct session *first, **last; /* that wait */
    struct mxt_keep_counters counters; /* `lock`'s */
};

/* The packets of a session on their way to the file. */
struct session {
    struct session *next;
    struct mxt_kept_packet *packets;
};

/* A block or record that is being made, and what the file shall hold. */
struct bytes {
    uint8_t *p;
    size_t n, room;
    bool has_failed;
};

static void put(struct bytes *bytes, const void *p, size_t n)
{
    if (bytes->n + n > bytes->room && !bytes->has_failed) {
        size_t room = (bytes->n + n) * 2;
        uint8_t *grown = realloc(bytes->p, room);
        bytes->has_failed = grown == NULL;
        if (grown != NULL) {
            bytes->p = grown;
            bytes->room = room;
        }
    }
    if (bytes->has_failed || n == 0)
        return;
    memcpy(bytes->p + bytes->n, p, n);
    bytes->n += n;
}

/* Numbers in this machine's byte order, which the magic number tells. */
static void put_u32(struct bytes *bytes, uint32_t value)
{
    put(bytes, &value, sizeof value);
}

static void put_u16(struct bytes *bytes, uint16_t value)
{
    put(bytes, &value, sizeof value);
}

/* ---- formats ---- */

static void put_header(struct mxt_keep_file *file, struct bytes *bytes, int link_type)
{
    if (file->is_pcapng) { /* draft-ietf-opsawg-pcapng 4.1 */
        put_u32(bytes, SECTION_BLOCK);
        put_u32(bytes, 28);
        put_u32(bytes, BYTE_MAGIC);
        put_u16(bytes, 1);
        put_u16(bytes, 0);
        put_u32(bytes, UINT32_MAX);
        put_u32(bytes, UINT32_MAX);
        put_u32(bytes, 28);
        return;
    }
    put_u32(bytes, PCAP_MAGIC);
    put_u16(bytes, 2);
    put_u16(bytes, 4);
    put_u32(bytes, 0);
    put_u32(bytes, 0);
    put_u32(bytes, SNAP);
    put_u32(bytes, (uint32_t)link_type);
}

/* The number of the link type in this file, which a block declares first; LINK_TYPES: there is no room for it, or the format has but one. */
static uint32_t interface_of(struct mxt_keep_file *file, struct bytes *bytes, int link_type)
{
    uint32_t i = 0;
    while (i < file->link_count && file->link_types[i] != link_type)
        i++;
    if (i < file->link_count)
        return i;
    if (i == LINK_TYPES || (!file->is_pcapng && i > 0))
        return LINK_TYPES;
    if (i == 0)
        put_header(file, bytes, link_type);
    file->link_types[file->link_count++] = link_type;
    if (file->is_pcapng) { /* 4.2 */
        put_u32(bytes, 1);
        put_u32(bytes, 20);
        put_u16(bytes, (uint16_t)link_type);
        put_u16(bytes, 0);
        put_u32(bytes, SNAP);
        put_u32(bytes, 20);
    }
    return i;
}

static void put_packet(const struct mxt_keep_file *file, struct bytes *bytes, const struct mxt_kept_packet *packet, uint32_t interface)
{
    uint32_t padding = (4 - packet->captured % 4) % 4, length = 32 + packet->captured + padding;
    uint64_t time = packet->time_us < 0 ? 0 : (uint64_t)packet->time_us;
    if (file->is_pcapng) { /* 4.3 */
        put_u32(bytes, 6);
        put_u32(bytes, length);
        put_u32(bytes, interface);
        put_u32(bytes, (uint32_t)(time >> 32));
        put_u32(bytes, (uint32_t)time);
    } else {
        put_u32(bytes, (uint32_t)(time / 1000000));
        put_u32(bytes, (uint32_t)(time % 1000000));
    }
    put_u32(bytes, packet->captured);
    put_u32(bytes, packet->wire);
    put(bytes, packet->bytes, packet->captured);
    if (file->is_pcapng) {
        put(bytes, "\0\0\0", padding);
        put_u32(bytes, length);
    }
}

/* ---- writing ---- */

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        p += written;
        n -= (size_t)written;
    }
    return true;
}

/* All of a session or nothing: what was written of one that does not fit is cut off again. */
static bool write_bytes(struct mxt_keep_file *file, const struct bytes *bytes)
{
    if (write_all(file->fd, bytes->p, bytes->n)) {
        file->end += (off_t)bytes->n;
        file->is_complaining = false;
        return true;
    }
    int why = errno;
    if (ftruncate(file->fd, file->end) == 0)
        (void)lseek(file->fd, file->end, SEEK_SET);
    if (!file->is_complaining)
        fprintf(stderr, "mxtap-sensor: -w %s: %s; packets of sessions with findings are lost until it takes them again\n", file->options->keep, strerror(why));
    file->is_complaining = true;
    return false;
}

static bool write_session(struct mxt_keep_file *file, const struct session *session)
{
    struct bytes bytes = {0};
    uint32_t known = file->link_count;
    bool has_all = true;
    for (const struct mxt_kept_packet *packet = session->packets; packet != NULL && has_all; packet = packet->next) {
        uint32_t interface = interface_of(file, &bytes, packet->link_type);
        has_all = interface < LINK_TYPES;
        if (has_all)
            put_packet(file, &bytes, packet, interface);
    }
    bool is_written = has_all && !bytes.has_failed && write_bytes(file, &bytes);
    if (!is_written)
        file->link_count = known;
    if (!has_all && !file->is_complaining) {
        fprintf(stderr, "mxtap-sensor: -w %s: packets of another link type do not go into this file; name it .pcapng\n", file->options->keep);
        file->is_complaining = true;
    }
    free(bytes.p);
    return is_written;
}

static void free_packets(struct mxt_keep_file *file, struct mxt_kept_packet *packets)
{
    for (struct mxt_kept_packet *packet = packets, *next; packet != NULL; packet = next) {
        next = packet->next;
        mxt_keep_file_give(file, mxt_kept_packet_size(packet));
        free(packet);
    }
}

static void free_session(struct mxt_keep_file *file, struct session *session)
{
    free_packets(file, session->packets);
    free(session);
}

/* A capture in which nothing was kept is one without packets. */
static void write_empty(struct mxt_keep_file *file)
{
    struct bytes bytes = {0};
    if (file->end > 0)
        return;
    put_header(file, &bytes, MXT_LINKTYPE_ETHERNET);
    if (!bytes.has_failed)
        (void)write_bytes(file, &bytes);
    free(bytes.p);
}

static void *run(void *context)
{
    struct mxt_keep_file *file = context;
    mxt_confine_thread(file->options, MXT_SANDBOX_JUDGE);
    pthread_mutex_lock(&file->lock);
    for (;;) {
        while (file->first == NULL && !file->is_closed)
            pthread_cond_wait(&file->has_news, &file->lock);
        struct session *session = file->first;
        if (session == NULL)
            break;
        file->first = session->next;
        if (file->first == NULL)
            file->last = &file->first;
        pthread_mutex_unlock(&file->lock);
        bool is_written = write_session(file, session);
        free_session(file, session);
        pthread_mutex_lock(&file->lock);
        file->counters.sessions += is_written;
        file->counters.lost += !is_written;
    }
    pthread_mutex_unlock(&file->lock);
    write_empty(file);
    return NULL;
}

/* ---- the interface ---- */

static bool is_pcap_name(const char *path)
{
    size_t n = strlen(path);
    return n >= 5 && strcmp(path + n - 5, ".pcap") == 0;
}

/* Opening empties the file: it must not be one that is to be read. */
static bool is_input(const struct mxt_options *options)
{
    struct stat keep, capture;
    if (stat(options->keep, &keep) != 0 || !S_ISREG(keep.st_mode))
        return false;
    for (size_t i = 0; i < options->capture_count; i++)
        if (stat(options->captures[i], &capture) == 0 && capture.st_dev == keep.st_dev && capture.st_ino == keep.st_ino)
            return true;
    return false;
}

struct mxt_keep_file *mxt_keep_file_open(const struct mxt_options *options)
{
    struct mxt_keep_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        fputs("mxtap-sensor: out of memory\n", stderr);
        return NULL;
    }
    file->options = options;
    file->is_pcapng = !is_pcap_name(options->keep);
    file->last = &file->first;
    atomic_init(&file->left, options->keep_bytes);
    pthread_mutex_init(&file->lock, NULL);
    pthread_cond_init(&file->has_news, NULL);
    file->fd = -1;
    if (is_input(options)) {
        fprintf(stderr, "mxtap-sensor: -w %s: this capture is to be read; name another file\n", options->keep);
        mxt_keep_file_free(file);
        return NULL;
    }
    file->fd = open(options->keep, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (file->fd >= 0)
        return file;
    fprintf(stderr, "mxtap-sensor: -w %s: %s; name a file that this user may write\n", options->keep, strerror(errno));
    mxt_keep_file_free(file);
    return NULL;
}

enum mxt_status mxt_keep_file_start(struct mxt_keep_file *file)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for those who read packets */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    file->is_running = pthread_create(&file->thread, NULL, run, file) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return file->is_running ? MXT_OK : MXT_ENOMEM;
}

bool mxt_keep_file_finish(struct mxt_keep_file *file)
{
    if (!file->is_running)
        return true;
    pthread_mutex_lock(&file->lock);
    file->is_closed = true;
    pthread_cond_signal(&file->has_news);
    pthread_mutex_unlock(&file->lock);
    pthread_join(file->thread, NULL);
    file->is_running = false;
    return file->counters.lost == 0;
}

void mxt_keep_file_free(struct mxt_keep_file *file)
{
    if (file == NULL)
        return;
    (void)mxt_keep_file_finish(file);
    while (file->first != NULL) {
        struct session *next = file->first->next;
        free_session(file, file->first);
        file->first = next;
    }
    if (file->fd >= 0)
        close(file->fd);
    pthread_mutex_destroy(&file->lock);
    pthread_cond_destroy(&file->has_news);
    free(file);
}

bool mxt_keep_file_take(struct mxt_keep_file *file, size_t bytes)
{
    size_t left = atomic_load_explicit(&file->left, memory_order_relaxed);
    while (left >= bytes)
        if (atomic_compare_exchange_weak_explicit(&file->left, &left, left - bytes, memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

void mxt_keep_file_give(struct mxt_keep_file *file, size_t bytes)
{
    atomic_fetch_add_explicit(&file->left, bytes, memory_order_relaxed);
}

void mxt_keep_file_no_room(struct mxt_keep_file *file)
{
    pthread_mutex_lock(&file->lock);
    file->counters.no_room++;
    pthread_mutex_unlock(&file->lock);
}

void mxt_keep_file_put(struct mxt_keep_file *file, struct mxt_kept_packet *packets)
{
    struct session *session = malloc(sizeof *session);
    if (session == NULL) {
        free_packets(file, packets);
        mxt_keep_file_no_room(file);
        return;
    }
    *session = (struct session){.packets = packets};
    pthread_mutex_lock(&file->lock);
    *file->last = session;
    file->last = &session->next;
    pthread_cond_signal(&file->has_news);
    pthread_mutex_unlock(&file->lock);
}

struct mxt_keep_counters mxt_keep_file_counters(struct mxt_keep_file *file)
{
    pthread_mutex_lock(&file->lock);
    struct mxt_keep_counters counters = file->counters;
    pthread_mutex_unlock(&file->lock);
    return counters;
}
