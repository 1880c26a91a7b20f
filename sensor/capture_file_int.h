/* What the files of the capture reader share. A source gives bytes, a reader makes frames of them, the capture merges readers. */
#ifndef MXT_SENSOR_CAPTURE_FILE_INT_H
#define MXT_SENSOR_CAPTURE_FILE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decoders/arena.h"
#include "decoders/packet.h"
#include "decoders/status.h"

#define MXT_FRAME_MAX       (256u << 10) /* captured bytes of a frame; also libpcap's largest snap length. More is damage */
#define MXT_SOURCE_NEED_MAX (512u << 10) /* contiguous bytes that can be asked of a source: a frame and a pcapng block's options */
#define MXT_INTERFACE_NAMES 256          /* different interface names kept of one capture; frames of further ones have none */

#define MXT_READ_SIZE (128u << 10)  /* bytes asked of the kernel at once where a capture is not mapped; small enough to stay in the second-level cache */
#define MXT_WAIT_MS   50            /* the longest wait for a pipe; also how late its reader notices that it is to stop */

enum mxt_compression { MXT_COMPRESSION_NONE, MXT_COMPRESSION_GZIP, MXT_COMPRESSION_ZSTD };

struct mxt_unpacker;

/* Where bytes come out of a file or pipe, decompressed. */
struct mxt_tap {
    int fd; /* -1: closed */
    bool is_regular;
    bool waits; /* for what is not regular: else MXT_MORE says that there is nothing */
    enum mxt_compression compression;
    struct mxt_unpacker *unpacker; /* NULL where not compressed */
    uint8_t *packed;               /* bytes for it */
    uint64_t done;                 /* bytes read of the file */
    const char *fault;             /* what went wrong, after MXT_EIO, MXT_EMALFORMED or MXT_ENOMEM; lives as long as the tap */
    char fault_text[160];
};

/* Opens `path` ("-": standard input, which is never closed); it waits. *size is the file's, 0 for a pipe. MXT_OK; MXT_EIO: `fault` is set. */
enum mxt_status mxt_tap_open(struct mxt_tap *tap, const char *path, uint64_t *size) MXT_MUST_CHECK;

/* Closed is accepted. */
void mxt_tap_close(struct mxt_tap *tap);

/* From here on what comes is decompressed; the `n` bytes at `p` (copied) are its first. MXT_OK; MXT_ENOMEM: `fault` is set. */
enum mxt_status mxt_tap_unpack(struct mxt_tap *tap, enum mxt_compression compression, const uint8_t *p, size_t n) MXT_MUST_CHECK;

/*
 * Up to `room` bytes into `out`. MXT_OK: *n of them; MXT_DONE: *n of them, and the end; MXT_MORE: a signal came first, or a pipe that is not waited for is empty;
 * MXT_EIO, MXT_EMALFORMED (compressed data damaged or cut): `fault` is set.
 */
enum mxt_status mxt_tap_draw(struct mxt_tap *tap, uint8_t *out, size_t room, size_t *n) MXT_MUST_CHECK;

/* Waits until a pipe has something or has ended, a signal comes, or MXT_WAIT_MS have passed. */
void mxt_tap_wait(const struct mxt_tap *tap);

struct mxt_window;

/* Before windows are opened, and before another thread is: has the program survive files that shrink. */
void mxt_window_guard(void);

/*
 * Maps `size` bytes of a file from `offset` (of a page) on, to be read by any thread; *bytes is where. It outlives the file's shrinking: what is lost then reads as zeros.
 * NULL: this file cannot be mapped, or too many are; read it.
 */
struct mxt_window *mxt_window_open(int fd, uint64_t offset, size_t size, const uint8_t **bytes);

/* Whether bytes of it that somebody wanted were lost. */
bool mxt_window_is_lost(const struct mxt_window *window);

/* Unmaps it; nobody may read it any more. */
void mxt_window_close(struct mxt_window *window);

struct mxt_source;

/* Memory that frames lie in: bytes that were drawn, or a window into a file. */
struct mxt_chunk {
    struct mxt_chunk *next;
    struct mxt_window *window; /* NULL: `room` is its own */
    struct mxt_source *source; /* it came from */
    uint8_t *room;             /* MXT_CHUNK_SIZE bytes, which may be written to */
};

#define MXT_CHUNK_SIZE (MXT_SOURCE_NEED_MAX + MXT_READ_SIZE)

/* The chunks of a capture. Zeroed has none. */
struct mxt_chunks {
    struct mxt_chunk *left; /* by their sources: nothing but frames that were given already lies in them */
    struct mxt_chunk *free; /* to be used again */
};

#define MXT_SHORTENED "the file became shorter while it was read; what precedes was used, read it again when nobody writes to it"

/* Gives a list of chunks back, which frames given earlier lay in. Whether bytes of theirs were lost: then `is_shortened` of their sources is set. */
bool mxt_chunks_give_back(struct mxt_chunks *chunks, struct mxt_chunk *list);

/* Frees those that are free. */
void mxt_chunks_clear(struct mxt_chunks *chunks);

/*
 * The bytes of a file or pipe, decompressed, in as long pieces as are asked for. A plain file is mapped, window by window: measured on a file of 1.2 GB in the page
 * cache (Cascade Lake, Linux 6.18), what nobody looks at costs 0.05 s so, and 0.2 s where read() copies it; and half of all mail is passed over, being encrypted.
 */
struct mxt_source {
    const uint8_t *p, *end;    /* bytes at hand */
    struct mxt_chunk *chunk;   /* in which they are, or NULL */
    struct mxt_chunks *chunks; /* the capture's */
    bool is_mapped;
    bool is_shortened;       /* a mapped file lost bytes that somebody wanted */
    bool is_at_end;          /* no byte follows those at hand */
    enum mxt_status failure; /* lasts: nothing more can be read; MXT_OK: none */
    struct mxt_tap tap;
    uint64_t end_at;     /* mapped: where in the file `end` is */
    uint64_t skip;       /* bytes still to be passed over */
    uint64_t done, size; /* bytes read of the file; its size, 0 where it has none */
    const char *fault;   /* what went wrong, after MXT_EIO, MXT_EMALFORMED or MXT_ENOMEM; lives as long as the source */
};

/* Opens `path` ("-": standard input, which is never closed) and looks through compression. MXT_OK, or an error with `fault` set and the source closed. */
enum mxt_status mxt_source_open(struct mxt_source *source, const char *path, struct mxt_chunks *chunks) MXT_MUST_CHECK;

/* Closed is accepted, and so is closing twice. `done`, `size` and `fault` stay. */
void mxt_source_close(struct mxt_source *source);

/*
 * Sees to it that `n` (at most MXT_SOURCE_NEED_MAX) bytes are at source->p in one piece; they may move, and stay valid where they were until their chunk, if it was left, is
 * given back. MXT_OK; MXT_DONE: the end comes before; MXT_MORE: as mxt_tap_draw, ask again; MXT_EIO (also a file that became shorter), MXT_EMALFORMED (compressed
 * data damaged or cut), MXT_ENOMEM: `fault` is set.
 */
enum mxt_status mxt_source_need(struct mxt_source *source, size_t n) MXT_MUST_CHECK;

/* Whether the zeros at hand may be none of the file's: it is shorter than it was. MXT_OK: they are; MXT_EIO: `fault` is set. */
enum mxt_status mxt_source_confirm(struct mxt_source *source) MXT_MUST_CHECK;

/* Passes over `n` bytes, as far as there are any. */
void mxt_source_skip(struct mxt_source *source, uint64_t n);

static inline size_t mxt_source_left(const struct mxt_source *source)
{
    return (size_t)(source->end - source->p);
}

/* Decompression. Owned by the tap; NULL: out of memory. */
struct mxt_unpacker *mxt_unpacker_new(enum mxt_compression compression);

/* NULL is accepted. */
void mxt_unpacker_free(struct mxt_unpacker *unpacker);

/* Hands over compressed bytes, used up by mxt_unpacker_run; `p` must live until then. */
void mxt_unpacker_feed(struct mxt_unpacker *unpacker, const uint8_t *p, size_t n);

/*
 * Decompresses up to `room` bytes into `out`. MXT_OK with *made > 0; MXT_MORE: all input is used up; MXT_DONE: what follows the compressed data is
 * no more of it; MXT_EMALFORMED with *why: damaged.
 */
enum mxt_status mxt_unpacker_run(struct mxt_unpacker *unpacker, uint8_t *out, size_t room, size_t *made, const char **why) MXT_MUST_CHECK;

/* Whether the input may end here. */
bool mxt_unpacker_is_complete(const struct mxt_unpacker *unpacker);

/* Names of interfaces, each once, that live as long as the capture. */
struct mxt_interface_names {
    struct mxt_arena arena;
    struct {
        const char *raw; /* as in the file */
        size_t length;
        const char *text;
    } items[MXT_INTERFACE_NAMES];
    size_t count;
};

struct mxt_interface;

enum mxt_capture_format { MXT_FORMAT_PCAP, MXT_FORMAT_PCAPNG };

/* One file of a capture. */
struct mxt_reader {
    struct mxt_source source;
    enum mxt_capture_format format;
    bool is_swapped;                  /* numbers are in the other byte order than this machine's (pcapng: in this section) */
    bool is_nano;                     /* pcap: times in nanoseconds */
    uint32_t record_header;           /* pcap: bytes in front of each frame */
    int link_type;                    /* pcap */
    uint64_t packets;                 /* read so far */
    struct mxt_interface *interfaces; /* pcapng: of this section */
    uint32_t interface_count, interface_room;
    int64_t last_us; /* pcapng: the latest packet's time, for blocks that have none */
    struct mxt_interface_names *names;
    struct mxt_chunks *chunks;
    const char *path;
    char *label;    /* the path for messages: short and printable */
    char *fault;    /* one sentence, or NULL */
    size_t index;   /* place among the captures */
    int64_t key_us; /* merging: time of `frame`, or no later than the next frame */
    bool is_open, has_frame, has_ended;
    bool is_recognised;     /* it begins like a capture, whatever follows */
    struct mxt_frame frame; /* read ahead */
};

/* Prepares a reader of `path`, which must live as long, like `names` and `chunks`. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_reader_init(struct mxt_reader *reader, const char *path, size_t index, struct mxt_interface_names *names, struct mxt_chunks *chunks)
    MXT_MUST_CHECK;

/* Releases everything. Zeroed is accepted. */
void mxt_reader_clear(struct mxt_reader *reader);

/* Opens the file at its beginning and reads its header. MXT_OK; MXT_EMALFORMED: it is no capture; MXT_EIO, MXT_ENOMEM. `fault` is set but for MXT_OK. */
enum mxt_status mxt_reader_open(struct mxt_reader *reader) MXT_MUST_CHECK;

/* Closes the file; what was counted stays. */
void mxt_reader_close(struct mxt_reader *reader);

/* The next frame, valid until its chunk was left and is given back. MXT_OK, MXT_DONE at the end, MXT_MORE (a pipe is empty), or an error with `fault` set: the file is left. */
enum mxt_status mxt_reader_next(struct mxt_reader *reader, struct mxt_frame *out) MXT_MUST_CHECK;

/* Sets `fault`: the label, the sentence. Returns `status`. An earlier fault stays: it is the cause. */
enum mxt_status mxt_reader_fail(struct mxt_reader *reader, enum mxt_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Asks the source for `n` bytes of the item at hand, named `what`. MXT_OK and MXT_MORE as there; everything else has become a fault. */
enum mxt_status mxt_reader_need(struct mxt_reader *reader, size_t n, const char *what) MXT_MUST_CHECK;

/* Reads a pcapng section header that is known to stand at the source, as the file's first block. MXT_OK or an error with `fault` set. */
enum mxt_status mxt_pcapng_begin(struct mxt_reader *reader) MXT_MUST_CHECK;

/* As mxt_reader_next. */
enum mxt_status mxt_pcapng_next(struct mxt_reader *reader, struct mxt_frame *out) MXT_MUST_CHECK;

static inline uint16_t mxt_reader_u16(const struct mxt_reader *reader, const uint8_t *p)
{
    uint16_t value;
    memcpy(&value, p, sizeof value);
    return reader->is_swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t mxt_reader_u32(const struct mxt_reader *reader, const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return reader->is_swapped ? __builtin_bswap32(value) : value;
}

/* Steps over a pcap record that is known to be whole and sound, and gives its frame. */
static inline void mxt_pcap_step(struct mxt_reader *reader, uint32_t captured, uint32_t wire, struct mxt_frame *out)
{
    const uint8_t *p = reader->source.p;
    uint32_t fraction = mxt_reader_u32(reader, p + 4);
    out->time_us = (int64_t)mxt_reader_u32(reader, p) * 1000000 + (reader->is_nano ? fraction / 1000 : fraction);
    out->data = p + reader->record_header;
    out->captured = captured;
    out->wire = wire;
    out->link_type = reader->link_type;
    out->interface = NULL;
    reader->source.p = out->data + captured;
    reader->packets++;
}

/* The frame of a pcap record that is whole and sound and at hand; false, and nothing changed, for any other, and for one without bytes. The path of nearly every packet. */
static inline bool mxt_pcap_take(struct mxt_reader *reader, struct mxt_frame *out)
{
    const uint8_t *p = reader->source.p;
    size_t left = mxt_source_left(&reader->source), header = reader->record_header;
    if (left < header)
        return false;
    uint32_t captured = mxt_reader_u32(reader, p + 8), wire = mxt_reader_u32(reader, p + 12);
    if (captured > left - header || captured > wire || captured > MXT_FRAME_MAX || captured == 0)
        return false;
    mxt_pcap_step(reader, captured, wire, out);
    __builtin_prefetch(reader->source.p); /* the next frame's headers, two cache lines, while this one is decoded */
    __builtin_prefetch(reader->source.p + 64);
    return true;
}

#endif
