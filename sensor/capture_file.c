/* Several captures as one: opening, folders, merging in time order, faults. */
#include "sensor/capture_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sensor/capture_file_int.h"

struct mxt_capture {
    struct mxt_reader *fast;  /* the only reader left, where it is a pcap file: its frames need no merging. Or NULL */
    struct mxt_reader **heap; /* readers with frames left; the earliest key first, equal keys in order of index */
    size_t heap_count;
    struct mxt_reader *readers;
    size_t count;
    char **paths; /* owned; as many as readers */
    size_t path_count, path_room;
    char *faults, *remarks; /* sentences, one a line, or NULL */
    struct mxt_interface_names names;
    struct mxt_chunks chunks;
    struct mxt_reader *awaited; /* a pipe that had nothing, or NULL */
};

/* Adds a line; one that finds no memory is left out. */
static void add_line(char **text, const char *line)
{
    size_t had = *text == NULL ? 0 : strlen(*text), n = strlen(line);
    char *grown = realloc(*text, had + n + 2);
    if (grown == NULL)
        return;
    if (had > 0)
        grown[had++] = '\n';
    memcpy(grown + had, line, n + 1);
    *text = grown;
}

static bool is_earlier(const struct mxt_reader *a, const struct mxt_reader *b)
{
    return a->key_us != b->key_us ? a->key_us < b->key_us : a->index < b->index;
}

static void sift_down(struct mxt_capture *capture, size_t at)
{
    struct mxt_reader **heap = capture->heap, *reader = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < capture->heap_count && is_earlier(heap[child + 1], heap[child]))
            child++;
        if (child >= capture->heap_count || !is_earlier(heap[child], reader))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = reader;
}

static void end_reader(struct mxt_capture *capture, struct mxt_reader *reader)
{
    char line[MXT_CAPTURE_ERROR];
    if (reader->fault != NULL) {
        add_line(&capture->faults, reader->fault);
    } else if (reader->packets == 0) {
        snprintf(line, sizeof line, "%s: holds no packets; if that is unexpected, look at the filter or interface it was captured with", reader->label);
        add_line(&capture->remarks, line);
    }
    mxt_reader_close(reader);
    reader->has_ended = true;
}

static enum mxt_status add_path(struct mxt_capture *capture, const char *folder, const char *name)
{
    if (capture->path_count == capture->path_room) {
        size_t room = capture->path_room == 0 ? 8 : capture->path_room * 2;
        char **grown = realloc(capture->paths, room * sizeof *grown);
        if (grown == NULL)
            return MXT_ENOMEM;
        capture->paths = grown;
        capture->path_room = room;
    }
    char *path;
    if (asprintf(&path, "%s%s%s", folder, folder[0] == '\0' || folder[strlen(folder) - 1] == '/' ? "" : "/", name) < 0)
        return MXT_ENOMEM;
    capture->paths[capture->path_count++] = path;
    return MXT_OK;
}

/* Where no frame that was given is in use. */
static bool give_back_left(struct mxt_chunks *chunks)
{
    struct mxt_chunk *left = chunks->left;
    chunks->left = NULL;
    return mxt_chunks_give_back(chunks, left);
}

/* Whether a file in a folder is worth opening: other things lie beside captures. What cannot be read is, so that it is told. */
static bool is_capture(const char *path, struct mxt_interface_names *names, struct mxt_chunks *chunks)
{
    struct mxt_reader reader;
    bool answer = true;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    if (mxt_reader_init(&reader, path, 0, names, chunks) == MXT_OK) {
        enum mxt_status status = mxt_reader_open(&reader);
        answer = status != MXT_EMALFORMED || reader.is_recognised;
    }
    mxt_reader_clear(&reader);
    give_back_left(chunks);
    return answer;
}

/* The captures among a folder's entries, by name. */
static enum mxt_status add_folder(struct mxt_capture *capture, const char *folder, char *error)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        snprintf(error, MXT_CAPTURE_ERROR, "%.200s: cannot list the folder: %s; give this user the right to read it", folder, strerror(errno));
        return MXT_EIO;
    }
    size_t before = capture->path_count;
    enum mxt_status status = MXT_OK;
    for (int i = 0; i < n; i++) {
        if (status == MXT_OK)
            status = add_path(capture, folder, entries[i]->d_name);
        free(entries[i]);
        if (status == MXT_OK && !is_capture(capture->paths[capture->path_count - 1], &capture->names, &capture->chunks))
            free(capture->paths[--capture->path_count]);
    }
    free(entries);
    if (status == MXT_OK && capture->path_count == before) {
        snprintf(error, MXT_CAPTURE_ERROR, "%.200s: no capture is in this folder; name one that has pcap or pcapng files (folders in it are not looked into)",
                 folder);
        return MXT_EIO;
    }
    return status;
}

static enum mxt_status collect_paths(struct mxt_capture *capture, const char *const *paths, size_t count, char *error)
{
    for (size_t i = 0; i < count; i++) {
        struct stat info;
        bool is_folder = strcmp(paths[i], "-") != 0 && stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode);
        enum mxt_status status = is_folder ? add_folder(capture, paths[i], error) : add_path(capture, "", paths[i]);
        if (status != MXT_OK)
            return status;
    }
    if (capture->path_count == 0) {
        snprintf(error, MXT_CAPTURE_ERROR, "no capture is named; name a file, a folder or - for standard input");
        return MXT_EUSAGE;
    }
    return MXT_OK;
}

/*
 * Opens a reader, and where there are several, looks for its first time and closes it again until that time comes: a folder of thousands of rotated
 * files takes a few descriptors only. Pipes cannot be opened twice and stay open; their first frame is awaited when frames are asked for.
 */
static enum mxt_status prepare_reader(struct mxt_capture *capture, struct mxt_reader *reader)
{
    enum mxt_status status = mxt_reader_open(reader);
    if (status != MXT_OK)
        return status;
    if (capture->count > 1 && reader->source.tap.is_regular && strcmp(reader->path, "-") != 0) {
        struct mxt_frame frame;
        status = mxt_reader_next(reader, &frame);
        if (status == MXT_OK)
            reader->key_us = frame.time_us;
        free(reader->fault); /* damage in the first packet is told when its turn comes */
        reader->fault = NULL;
        reader->packets = 0;
        if (status == MXT_DONE) {
            end_reader(capture, reader);
            return MXT_OK;
        }
        mxt_reader_close(reader);
        give_back_left(&capture->chunks);
        reader->source.done = 0;
    }
    capture->heap[capture->heap_count++] = reader;
    return MXT_OK;
}

static enum mxt_status open_all(struct mxt_capture *capture, const char *const *paths, size_t count, char *error)
{
    enum mxt_status status = collect_paths(capture, paths, count, error);
    if (status != MXT_OK)
        return status;
    capture->readers = calloc(capture->path_count, sizeof *capture->readers);
    capture->heap = calloc(capture->path_count, sizeof(struct mxt_reader *));
    if (capture->readers == NULL || capture->heap == NULL)
        return MXT_ENOMEM;
    for (; capture->count < capture->path_count && status == MXT_OK; capture->count++)
        status = mxt_reader_init(&capture->readers[capture->count], capture->paths[capture->count], capture->count, &capture->names, &capture->chunks);
    for (size_t i = 0; i < capture->count && status == MXT_OK; i++) {
        status = prepare_reader(capture, &capture->readers[i]);
        if (status != MXT_OK && capture->readers[i].fault != NULL)
            snprintf(error, MXT_CAPTURE_ERROR, "%s", capture->readers[i].fault);
    }
    for (size_t i = capture->heap_count; i-- > 0;)
        sift_down(capture, i);
    return status;
}

struct mxt_capture *mxt_capture_open(const char *const *paths, size_t count, char *error)
{
    snprintf(error, MXT_CAPTURE_ERROR, "out of memory");
    mxt_window_guard();
    struct mxt_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return NULL;
    mxt_arena_init(&capture->names.arena, 0); /* bounded by the number of names and their length */
    if (open_all(capture, paths, count, error) != MXT_OK) {
        mxt_capture_free(capture);
        return NULL;
    }
    error[0] = '\0';
    return capture;
}

void mxt_capture_free(struct mxt_capture *capture)
{
    if (capture == NULL)
        return;
    for (size_t i = 0; i < capture->count; i++)
        mxt_reader_clear(&capture->readers[i]);
    give_back_left(&capture->chunks);
    mxt_chunks_clear(&capture->chunks);
    for (size_t i = 0; i < capture->path_count; i++)
        free(capture->paths[i]);
    free(capture->paths);
    free(capture->readers);
    free(capture->heap);
    free(capture->faults);
    free(capture->remarks);
    mxt_arena_free(&capture->names.arena);
    free(capture);
}

/* Reads the reader's next frame ahead. As mxt_reader_next. */
static enum mxt_status advance(struct mxt_reader *reader)
{
    enum mxt_status status = reader->is_open ? MXT_OK : mxt_reader_open(reader);
    if (status == MXT_OK)
        status = mxt_reader_next(reader, &reader->frame);
    if (status == MXT_OK) {
        reader->has_frame = true;
        reader->key_us = reader->frame.time_us;
    }
    return status;
}

/* The general way: the earliest reader gives its frame, which it reads first where it has given the last one. */
static enum mxt_status next_merged(struct mxt_capture *capture, struct mxt_frame *out)
{
    while (capture->heap_count > 0) {
        struct mxt_reader *reader = capture->heap[0];
        if (reader->has_frame) {
            *out = reader->frame;
            reader->has_frame = false;
            capture->fast = capture->heap_count == 1 && reader->format == MXT_FORMAT_PCAP ? reader : NULL;
            return MXT_OK;
        }
        enum mxt_status status = advance(reader);
        if (status == MXT_MORE) {
            capture->awaited = reader;
            return status;
        }
        if (status != MXT_OK) {
            end_reader(capture, reader);
            capture->fast = NULL;
            capture->heap[0] = capture->heap[--capture->heap_count];
        }
        if (capture->heap_count > 0)
            sift_down(capture, 0);
    }
    return MXT_DONE;
}

/* Damage that showed when frames were used: told with the rest, or right away where the rest was told. */
static void note_shortened(struct mxt_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        struct mxt_reader *reader = &capture->readers[i];
        if (!reader->source.is_shortened || reader->fault != NULL)
            continue;
        mxt_reader_fail(reader, MXT_EIO, "before packet %" PRIu64 ": %s", reader->packets + 1, MXT_SHORTENED);
        if (reader->has_ended && reader->fault != NULL)
            add_line(&capture->faults, reader->fault);
    }
}

enum mxt_status mxt_capture_next(struct mxt_capture *capture, struct mxt_frame *out)
{
    if (capture->chunks.left != NULL && give_back_left(&capture->chunks))
        note_shortened(capture);
    if (capture->fast != NULL && mxt_pcap_take(capture->fast, out))
        return MXT_OK;
    return next_merged(capture, out);
}

struct mxt_chunk *mxt_capture_take_left(struct mxt_capture *capture)
{
    struct mxt_chunk *left = capture->chunks.left;
    capture->chunks.left = NULL;
    return left;
}

void mxt_capture_give_back(struct mxt_capture *capture, struct mxt_chunk *list)
{
    if (mxt_chunks_give_back(&capture->chunks, list))
        note_shortened(capture);
}

void mxt_capture_wait(const struct mxt_capture *capture)
{
    if (capture->awaited != NULL && capture->awaited->is_open)
        mxt_tap_wait(&capture->awaited->source.tap);
}

const char *mxt_capture_error(const struct mxt_capture *capture)
{
    return capture->faults;
}

const char *mxt_capture_remarks(const struct mxt_capture *capture)
{
    return capture->remarks;
}

void mxt_capture_progress(const struct mxt_capture *capture, uint64_t *done, uint64_t *total)
{
    bool is_known = true;
    *done = *total = 0;
    for (size_t i = 0; i < capture->count; i++) {
        const struct mxt_source *source = &capture->readers[i].source;
        bool is_file = source->size > 0;
        is_known = is_known && is_file;
        *total += source->size;
        *done += capture->readers[i].has_ended && is_file ? source->size : source->done;
    }
    if (!is_known)
        *total = 0;
}
