#include "sensor/knowledge_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decoders/arena.h"
#include "rules/baseline_json.h"
#include "rules/json_read.h"

#define FORMAT     1          /* of the file; counts up when something changes its meaning */
#define LINE_BYTES (1u << 17) /* of the longest line: a baseline is whole in a quarter of it */
#define LINE_ARENA (1u << 20) /* bytes that one decoded line may take */
#define MODE_BITS  07777u     /* what chmod sets */

struct mxt_knowledge_file {
    char path[PATH_MAX]; /* behind symbolic links, so that a link stays one */
    struct mxt_memory *memory;
    const struct mxt_faults *faults;
    int64_t next_s;  /* when it is to be written next */
    mode_t mode;     /* of the file that was there, else 0600: it tells who mails whom */
    uint64_t loaded; /* baselines */
    bool is_damaged; /* not read whole */
    bool has_end;    /* its last line was seen */
};

/* The file being read: where, and the room for a line. */
struct lines {
    FILE *stream;
    char *text; /* LINE_BYTES */
    size_t length;
    uint64_t number;
    bool is_cut; /* the line was longer than LINE_BYTES; the rest of it is passed over */
};

static void tell(const struct mxt_knowledge_file *file, uint64_t line, const char *what)
{
    char sentence[MXT_FAULT_TEXT];
    if (line == 0)
        snprintf(sentence, sizeof sentence, "--knowledge %.500s: %s", file->path, what);
    else
        snprintf(sentence, sizeof sentence, "%.500s:%llu: %s", file->path, (unsigned long long)line, what);
    file->faults->tell(file->faults->context, sentence);
}

static bool has_line(struct lines *lines)
{
    int c;
    lines->length = 0;
    lines->is_cut = false;
    while ((c = getc_unlocked(lines->stream)) != EOF && c != '\n') {
        if (lines->length < LINE_BYTES)
            lines->text[lines->length++] = (char)c;
        else
            lines->is_cut = true;
    }
    if (c == EOF && lines->length == 0)
        return false;
    lines->number++;
    return true;
}

/* {"name":number} and nothing else that matters; false where the line is not that. */
static bool is_count_line(const struct lines *lines, const char *name, uint64_t *out)
{
    struct mxt_json_reader reader;
    struct mxt_json_slice key;
    bool is_found = false;
    mxt_json_reader_init(&reader, lines->text, lines->length);
    mxt_json_enter_object(&reader);
    while (mxt_json_next_key(&reader, &key)) {
        if (key.length == strlen(name) && memcmp(key.bytes, name, key.length) == 0) {
            *out = mxt_json_read_unsigned(&reader, UINT64_MAX);
            is_found = true;
        } else {
            mxt_json_skip(&reader);
        }
    }
    return mxt_json_finish(&reader) && is_found;
}

static enum mxt_status check_first_line(const struct mxt_knowledge_file *file, const struct lines *lines)
{
    uint64_t format;
    if (lines->is_cut || !is_count_line(lines, "mxtap_knowledge", &format)) {
        tell(file, lines->number, "this is no knowledge file: it does not begin with {\"mxtap_knowledge\":1}; name another file");
        return MXT_EIO;
    }
    if (format != FORMAT) {
        tell(file, lines->number, "this knowledge has another version's form; use the mxtap-sensor that wrote it, or name another file");
        return MXT_EIO;
    }
    return MXT_OK;
}

static void damage(struct mxt_knowledge_file *file, uint64_t line, const char *what)
{
    file->is_damaged = true;
    tell(file, line, what);
}

static enum mxt_status take_line(struct mxt_knowledge_file *file, const struct lines *lines)
{
    struct mxt_arena arena;
    struct mxt_baseline baseline;
    char error[160], sentence[320];
    uint64_t count;
    if (is_count_line(lines, "baselines", &count)) {
        if (count != file->loaded && !file->is_damaged)
            damage(file, lines->number, "lines are missing or were added: the count here is another; the others are used");
        file->has_end = true;
        return MXT_OK;
    }
    mxt_arena_init(&arena, LINE_ARENA);
    enum mxt_status status = mxt_baseline_decode(lines->text, lines->length, &arena, &baseline, error, sizeof error);
    if (status == MXT_OK) {
        file->loaded++;
        status = mxt_memory_load_baseline(file->memory, &baseline);
    } else if (status == MXT_EMALFORMED) {
        snprintf(sentence, sizeof sentence, "%s; the line is passed over", error);
        damage(file, lines->number, sentence);
        status = MXT_OK;
    }
    mxt_arena_free(&arena);
    return status;
}

static enum mxt_status read_lines(struct mxt_knowledge_file *file, struct lines *lines)
{
    if (!has_line(lines))
        return MXT_OK;
    enum mxt_status status = check_first_line(file, lines);
    while (status == MXT_OK && has_line(lines)) {
        if (file->has_end)
            damage(file, lines->number, "something follows the last line; it is passed over");
        else if (lines->is_cut)
            damage(file, lines->number, "longer than any line of knowledge; the line is passed over");
        else
            status = take_line(file, lines);
    }
    if (status == MXT_OK && !file->has_end)
        damage(file, lines->number + 1, "the file ends too early; what is there is used");
    return status;
}

static enum mxt_status read_stream(struct mxt_knowledge_file *file, FILE *stream)
{
    struct lines lines = {.stream = stream, .text = malloc(LINE_BYTES)};
    if (lines.text == NULL)
        return MXT_ENOMEM;
    enum mxt_status status = read_lines(file, &lines);
    if (status == MXT_OK && ferror(stream)) {
        tell(file, 0, strerror(errno));
        status = MXT_EIO;
    }
    if (status == MXT_OK && file->is_damaged)
        tell(file, 0, "not read whole, so it will not be written over; mend it or name another file");
    free(lines.text);
    return status;
}

/* The folder of the file, into `folder` of PATH_MAX bytes. */
static void folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        path = ".";
    int n = slash == NULL || slash == path ? 1 : (int)(slash - path);
    snprintf(folder, PATH_MAX, "%.*s", n, path);
}

/* The place is made sure of at the start: a long replay must not end in knowledge that cannot be kept. */
static enum mxt_status check_folder(const struct mxt_knowledge_file *file)
{
    char folder[PATH_MAX], sentence[500];
    folder_of(file->path, folder);
    if (access(folder, W_OK | X_OK) == 0)
        return MXT_OK;
    snprintf(sentence, sizeof sentence, "the folder %.300s: %.80s; name a file where a new one can be written", folder, strerror(errno));
    tell(file, 0, sentence);
    return MXT_EIO;
}

static enum mxt_status read_file(struct mxt_knowledge_file *file)
{
    struct stat status;
    FILE *stream = fopen(file->path, "r");
    if (stream == NULL && errno == ENOENT)
        return MXT_OK;
    if (stream == NULL || fstat(fileno(stream), &status) != 0) {
        tell(file, 0, strerror(errno));
        if (stream != NULL)
            fclose(stream);
        return MXT_EIO;
    }
    enum mxt_status result = MXT_EIO;
    if (S_ISREG(status.st_mode)) {
        file->mode = status.st_mode & MODE_BITS;
        result = read_stream(file, stream);
    } else {
        tell(file, 0, "not a regular file; name one that may be replaced");
    }
    fclose(stream);
    return result;
}

enum mxt_status mxt_knowledge_file_open(const char *path, struct mxt_memory *memory, int64_t now_s, const struct mxt_faults *faults,
                                        struct mxt_knowledge_file **out)
{
    struct mxt_knowledge_file *file = calloc(1, sizeof *file);
    *out = NULL;
    if (file == NULL)
        return MXT_ENOMEM;
    file->memory = memory;
    file->faults = faults;
    file->next_s = now_s + MXT_KNOWLEDGE_INTERVAL_S;
    file->mode = S_IRUSR | S_IWUSR;
    if (realpath(path, file->path) == NULL)
        snprintf(file->path, sizeof file->path, "%s", path);
    enum mxt_status status = MXT_EIO;
    if (strlen(path) < sizeof file->path)
        status = read_file(file);
    else
        tell(file, 0, "the name is too long");
    if (status == MXT_OK && !file->is_damaged)
        status = check_folder(file);
    if (status == MXT_OK)
        *out = file;
    else
        free(file);
    return status;
}

/* A file being written. */
struct writing {
    FILE *stream;
    struct mxt_json json;
    uint64_t written;
    bool has_failed; /* out of memory; the stream keeps its own faults */
};

static void write_baseline(void *context, const struct mxt_baseline *baseline)
{
    struct writing *writing = context;
    mxt_json_reset(&writing->json);
    enum mxt_status status = mxt_baseline_encode(&writing->json, baseline);
    const char *text = mxt_json_end(&writing->json);
    if (status != MXT_OK || text == NULL) {
        writing->has_failed = true;
        return;
    }
    fwrite(text, 1, writing->json.length, writing->stream);
    fputc('\n', writing->stream);
    writing->written++;
}

/* Everything into the open stream, down to the disk. MXT_OK, MXT_ENOMEM, or MXT_EIO with errno. */
static enum mxt_status write_all(const struct mxt_knowledge_file *file, FILE *stream)
{
    struct writing writing = {.stream = stream};
    fprintf(stream, "{\"mxtap_knowledge\":%d}\n", FORMAT);
    mxt_memory_each_baseline(file->memory, write_baseline, &writing);
    fprintf(stream, "{\"baselines\":%llu}\n", (unsigned long long)writing.written);
    mxt_json_free(&writing.json);
    if (writing.has_failed)
        return MXT_ENOMEM;
    if (ferror(stream) || fflush(stream) != 0 || fchmod(fileno(stream), file->mode) != 0 || fsync(fileno(stream)) != 0)
        return MXT_EIO;
    return MXT_OK;
}

/* Makes the renaming last through a power cut; where the file system cannot, the file is whole all the same. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    FILE *stream = fopen(folder, "r");
    if (stream == NULL)
        return;
    (void)fsync(fileno(stream));
    fclose(stream);
}

static enum mxt_status replace(const struct mxt_knowledge_file *file)
{
    char temporary[PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", file->path);
    int descriptor = mkstemp(temporary);
    if (descriptor < 0)
        return MXT_EIO;
    FILE *stream = fdopen(descriptor, "w");
    enum mxt_status status = stream == NULL ? MXT_EIO : write_all(file, stream);
    int saved = errno;
    if (stream == NULL)
        close(descriptor);
    else if (fclose(stream) != 0 && status == MXT_OK) {
        saved = errno;
        status = MXT_EIO;
    }
    if (status == MXT_OK && rename(temporary, file->path) != 0) {
        saved = errno;
        status = MXT_EIO;
    }
    if (status != MXT_OK)
        unlink(temporary);
    errno = saved;
    return status;
}

enum mxt_status mxt_knowledge_file_write(struct mxt_knowledge_file *file)
{
    char sentence[320];
    if (file->is_damaged)
        return MXT_EUSAGE;
    enum mxt_status status = replace(file);
    if (status == MXT_OK) {
        sync_folder(file->path);
        return MXT_OK;
    }
    snprintf(sentence, sizeof sentence, "what was learned is not written: %.200s; the file is as it was",
             status == MXT_ENOMEM ? "out of memory" : strerror(errno));
    tell(file, 0, sentence);
    return status;
}

void mxt_knowledge_file_tick(struct mxt_knowledge_file *file, int64_t now_s)
{
    if (now_s < file->next_s && file->next_s - now_s <= MXT_KNOWLEDGE_INTERVAL_S) /* the clock may be set back */
        return;
    file->next_s = now_s + MXT_KNOWLEDGE_INTERVAL_S;
    if (mxt_knowledge_file_write(file) != MXT_OK)
        return; /* told; the next interval tries again */
}

void mxt_knowledge_file_free(struct mxt_knowledge_file *file)
{
    free(file);
}
