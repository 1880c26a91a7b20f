/* pcapng (draft-ietf-opsawg-pcapng): blocks of sections and interfaces, of which packets are kept and everything unknown is passed over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/text.h"
#include "sensor/capture_file_int.h"

#define BLOCK_SECTION       0x0a0d0d0au
#define BLOCK_INTERFACE     1u
#define BLOCK_PACKET_OLD    2u
#define BLOCK_PACKET_SIMPLE 3u
#define BLOCK_PACKET        6u
#define BLOCK_HEADER        8u  /* type and length */
#define BLOCK_TRAILER       4u  /* the length again */
#define SECTION_MIN         28u /* bytes of the whole blocks, without data and options */
#define INTERFACE_MIN       20u
#define PACKET_MIN          32u /* the old one, too */
#define PACKET_SIMPLE_MIN   16u
#define BYTE_ORDER_MAGIC    0x1a2b3c4du
#define INTERFACES_MAX      65536u /* of a section; the old packet block could name no more, and no machine has as many */
#define NAME_MAX_BYTES      64     /* of an interface's name */
#define OPTION_END          0
#define OPTION_NAME         2
#define OPTION_RESOLUTION   9
#define OPTION_OFFSET       14
#define RESOLUTION_DEFAULT  6    /* microseconds */
#define RESOLUTION_BINARY   0x80 /* the rest is a power of 2, not of 10 */
#define DECIMAL_MAX         25   /* a power of ten: 64 bits of ticks of 10^-25 s are less than a microsecond */
#define BINARY_MAX          63

struct mxt_interface {
    int link_type;
    uint32_t snap_length; /* 0: none */
    const char *name;     /* or NULL */
    bool is_binary;
    uint8_t shift;             /* binary: ticks in a second, as a power of 2 */
    uint64_t multiply, divide; /* decimal: from ticks to microseconds */
    int64_t offset_us;
};

/* A block in the buffer. */
struct block {
    uint32_t type;
    const uint8_t *p; /* its first byte */
    uint32_t length;  /* of the whole */
};

/* Its answers stand here, where the static analyser sees that none is MXT_OK. */
static enum mxt_status damaged(struct mxt_reader *reader, const char *what)
{
    if (mxt_source_confirm(&reader->source) != MXT_OK) {
        mxt_reader_fail(reader, MXT_EIO, "packet %" PRIu64 ": %s", reader->packets + 1, reader->source.fault);
        return MXT_EIO;
    }
    mxt_reader_fail(reader, MXT_EMALFORMED, "packet %" PRIu64 ": %s; what precedes was used, copy the file again", reader->packets + 1, what);
    return MXT_EMALFORMED;
}

static void set_resolution(struct mxt_interface *interface, uint8_t value)
{
    unsigned exponent = value & 0x7f;
    interface->is_binary = (value & RESOLUTION_BINARY) != 0;
    interface->multiply = interface->divide = 1;
    if (interface->is_binary) {
        interface->shift = (uint8_t)(exponent > BINARY_MAX ? BINARY_MAX : exponent);
        return;
    }
    for (unsigned i = exponent; i < RESOLUTION_DEFAULT; i++)
        interface->multiply *= 10;
    for (unsigned i = RESOLUTION_DEFAULT; i < exponent && i < DECIMAL_MAX; i++)
        interface->divide *= 10;
}

/* Times that 64 bits of microseconds cannot hold stop at the border: they are damage, but not of the file's form. */
static int64_t to_time(const struct mxt_interface *interface, uint64_t ticks)
{
    uint64_t us;
    if (interface->is_binary) {
        unsigned shift = interface->shift;
        uint64_t fraction = ticks & ((UINT64_C(1) << shift) - 1);
        unsigned excess = shift > 44 ? shift - 44 : 0; /* 2^44 million still fits; finer parts are far below a microsecond */
        us = (fraction >> excess) * 1000000 >> (shift - excess);
        uint64_t seconds = ticks >> shift;
        us = seconds > INT64_MAX / 1000000 - 1 ? INT64_MAX : us + seconds * 1000000;
    } else if (interface->divide > 1) {
        us = ticks / interface->divide;
    } else {
        us = ticks > INT64_MAX / interface->multiply ? INT64_MAX : ticks * interface->multiply;
    }
    int64_t time;
    if (__builtin_add_overflow((int64_t)(us > INT64_MAX ? INT64_MAX : us), interface->offset_us, &time))
        return interface->offset_us > 0 ? INT64_MAX : INT64_MIN;
    return time;
}

/* The name as text, each kept once. NULL where there are too many. */
static const char *keep_name(struct mxt_interface_names *names, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].length == n && memcmp(names->items[i].raw, p, n) == 0)
            return names->items[i].text;
    if (names->count == MXT_INTERFACE_NAMES)
        return NULL;
    const char *raw = mxt_arena_copy(&names->arena, p, n);
    const char *text = mxt_text_keep(&names->arena, p, n, NAME_MAX_BYTES);
    if (raw == NULL || text == NULL)
        return NULL;
    names->items[names->count].raw = raw;
    names->items[names->count].length = n;
    names->items[names->count].text = text;
    names->count++;
    return text;
}

static void read_option(struct mxt_reader *reader, struct mxt_interface *interface, uint16_t code, const uint8_t *p, size_t n)
{
    if (code == OPTION_NAME && n > 0) {
        size_t length = strnlen((const char *)p, n < NAME_MAX_BYTES ? n : NAME_MAX_BYTES); /* some writers count a NUL in */
        interface->name = length == 0 ? NULL : keep_name(reader->names, p, length);
    } else if (code == OPTION_RESOLUTION && n >= 1) {
        set_resolution(interface, p[0]);
    } else if (code == OPTION_OFFSET && n >= 8) {
        uint32_t first = mxt_reader_u32(reader, p), second = mxt_reader_u32(reader, p + 4);
        bool is_big = (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) != reader->is_swapped;
        int64_t seconds = (int64_t)(is_big ? (uint64_t)first << 32 | second : (uint64_t)second << 32 | first);
        if (__builtin_mul_overflow(seconds, INT64_C(1000000), &interface->offset_us))
            interface->offset_us = 0;
    }
}

/* Options that run out of their block are the end of the options: the packets are read all the same. */
static void read_options(struct mxt_reader *reader, struct mxt_interface *interface, const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 4) {
        uint16_t code = mxt_reader_u16(reader, p), length = mxt_reader_u16(reader, p + 2);
        p += 4;
        if (code == OPTION_END || length > end - p)
            return;
        read_option(reader, interface, code, p, length);
        size_t padded = (length + 3u) & ~(size_t)3;
        if (padded > (size_t)(end - p))
            return;
        p += padded;
    }
}

static enum mxt_status add_interface(struct mxt_reader *reader, const struct block *block)
{
    if (block->length < INTERFACE_MIN)
        return damaged(reader, "an interface's description is too short");
    if (reader->interface_count == INTERFACES_MAX)
        return damaged(reader, "more interfaces are described than there can be");
    if (reader->interface_count == reader->interface_room) {
        uint32_t room = reader->interface_room == 0 ? 4 : reader->interface_room * 2;
        struct mxt_interface *grown = realloc(reader->interfaces, room * sizeof *grown);
        if (grown == NULL)
            return mxt_reader_fail(reader, MXT_ENOMEM, "out of memory");
        reader->interfaces = grown;
        reader->interface_room = room;
    }
    struct mxt_interface *interface = &reader->interfaces[reader->interface_count++];
    memset(interface, 0, sizeof *interface);
    interface->link_type = mxt_reader_u16(reader, block->p + 8);
    interface->snap_length = mxt_reader_u32(reader, block->p + 12);
    set_resolution(interface, RESOLUTION_DEFAULT);
    read_options(reader, interface, block->p + 16, block->p + block->length - BLOCK_TRAILER);
    return MXT_OK;
}

/* A section begins: its own byte order, and interfaces counted from 0 again. */
static enum mxt_status begin_section(struct mxt_reader *reader, const struct block *block)
{
    unsigned major = mxt_reader_u16(reader, block->p + 12);
    if (major != 1)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "packet %" PRIu64 ": pcapng version %u is not known; convert the file with editcap", reader->packets + 1,
                               major);
    reader->interface_count = 0;
    return MXT_OK;
}

static bool is_read_whole(uint32_t type)
{
    return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_PACKET_SIMPLE || type == BLOCK_PACKET_OLD;
}

/* The byte order of a section stands behind the length that depends on it. */
static enum mxt_status read_byte_order(struct mxt_reader *reader)
{
    enum mxt_status status = mxt_reader_need(reader, BLOCK_HEADER + 4, "section header");
    if (status != MXT_OK)
        return status;
    uint32_t magic;
    memcpy(&magic, reader->source.p + BLOCK_HEADER, sizeof magic);
    if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return damaged(reader, "a section header without byte order");
    reader->is_swapped = magic != BYTE_ORDER_MAGIC;
    return MXT_OK;
}

/* A packet's block that is whole and sound in the buffer, as nearly all are; false, and nothing changed, for any other. */
static inline bool take_packet_block(struct mxt_reader *reader, struct block *block)
{
    struct mxt_source *source = &reader->source;
    size_t left = mxt_source_left(source);
    if (source->skip > 0 || left < PACKET_MIN || mxt_reader_u32(reader, source->p) != BLOCK_PACKET)
        return false;
    uint32_t length = mxt_reader_u32(reader, source->p + 4);
    if (length < PACKET_MIN || length % 4 != 0 || length > left || mxt_reader_u32(reader, source->p + length - BLOCK_TRAILER) != length)
        return false;
    *block = (struct block){.type = BLOCK_PACKET, .p = source->p, .length = length};
    source->p += length;
    return true;
}

/* The next block that is of use, whole in the buffer and stepped over. MXT_DONE at the end of the file. */
static enum mxt_status next_block(struct mxt_reader *reader, struct block *block)
{
    struct mxt_source *source = &reader->source;
    for (;;) {
        enum mxt_status status = mxt_source_need(source, 1);
        if (status == MXT_DONE)
            return source->skip > 0 ? damaged(reader, "the file ends within a block") : MXT_DONE;
        if (status == MXT_MORE)
            return MXT_MORE;
        status = mxt_reader_need(reader, BLOCK_HEADER + BLOCK_TRAILER, "block");
        if (status != MXT_OK)
            return status;
        block->type = mxt_reader_u32(reader, source->p);
        if (block->type == BLOCK_SECTION)
            status = read_byte_order(reader);
        if (status != MXT_OK)
            return status;
        block->length = mxt_reader_u32(reader, source->p + 4);
        if (block->length < BLOCK_HEADER + BLOCK_TRAILER || block->length % 4 != 0)
            return damaged(reader, "a block of impossible length");
        if (is_read_whole(block->type))
            break;
        mxt_source_skip(source, block->length);
    }
    if (block->length > MXT_SOURCE_NEED_MAX)
        return damaged(reader, "a block longer than any packet");
    enum mxt_status status = mxt_reader_need(reader, block->length, "block");
    if (status != MXT_OK)
        return status;
    block->p = source->p;
    if (mxt_reader_u32(reader, block->p + block->length - BLOCK_TRAILER) != block->length)
        return damaged(reader, "a block whose two lengths differ");
    mxt_source_skip(source, block->length);
    return MXT_OK;
}

enum mxt_status mxt_pcapng_begin(struct mxt_reader *reader)
{
    struct block block;
    reader->format = MXT_FORMAT_PCAPNG;
    reader->interface_count = 0;
    reader->last_us = 0;
    enum mxt_status status = next_block(reader, &block);
    if (status == MXT_MORE)
        return mxt_reader_fail(reader, MXT_EIO, "interrupted before its first bytes came");
    if (status != MXT_OK)
        return status;
    if (block.length < SECTION_MIN)
        return damaged(reader, "a section header that is too short");
    return begin_section(reader, &block);
}

/* Where a packet block has its fields. */
struct packet_fields {
    uint32_t interface, captured, wire, data;
    bool has_time;
    uint64_t ticks;
};

/* The fields of a block that is long enough to have them. */
static struct packet_fields read_fields(const struct mxt_reader *reader, const struct block *block)
{
    const uint8_t *p = block->p;
    if (block->type == BLOCK_PACKET_SIMPLE) { /* it does not say how much was captured: all, up to the snap length */
        uint32_t wire = mxt_reader_u32(reader, p + 8);
        return (struct packet_fields){.interface = 0, .captured = wire, .wire = wire, .data = 12};
    }
    return (struct packet_fields){.interface = block->type == BLOCK_PACKET ? mxt_reader_u32(reader, p + 8) : mxt_reader_u16(reader, p + 8),
                                  .ticks = (uint64_t)mxt_reader_u32(reader, p + 12) << 32 | mxt_reader_u32(reader, p + 16),
                                  .has_time = true,
                                  .captured = mxt_reader_u32(reader, p + 20),
                                  .wire = mxt_reader_u32(reader, p + 24),
                                  .data = 28};
}

static enum mxt_status take_packet(struct mxt_reader *reader, const struct block *block, struct mxt_frame *out)
{
    if (block->length < (block->type == BLOCK_PACKET_SIMPLE ? PACKET_SIMPLE_MIN : PACKET_MIN))
        return damaged(reader, "a packet block that is too short");
    struct packet_fields fields = read_fields(reader, block);
    if (fields.interface >= reader->interface_count)
        return damaged(reader, "its interface is not described");
    const struct mxt_interface *interface = &reader->interfaces[fields.interface];
    if (block->type == BLOCK_PACKET_SIMPLE && interface->snap_length != 0 && fields.captured > interface->snap_length)
        fields.captured = interface->snap_length;
    if (fields.captured > block->length - BLOCK_TRAILER - fields.data || fields.captured > MXT_FRAME_MAX)
        return damaged(reader, "it is longer than its block or any packet");
    if (fields.has_time)
        reader->last_us = to_time(interface, fields.ticks);
    out->time_us = reader->last_us;
    out->data = block->p + fields.data;
    out->captured = fields.captured;
    out->wire = fields.wire > fields.captured ? fields.wire : fields.captured;
    out->link_type = interface->link_type;
    out->interface = interface->name;
    reader->packets++;
    return MXT_OK;
}

enum mxt_status mxt_pcapng_next(struct mxt_reader *reader, struct mxt_frame *out)
{
    for (;;) {
        struct block block;
        if (take_packet_block(reader, &block))
            return take_packet(reader, &block, out);
        enum mxt_status status = next_block(reader, &block);
        if (status != MXT_OK)
            return status;
        if (block.type == BLOCK_SECTION)
            status = block.length < SECTION_MIN ? damaged(reader, "a section header that is too short") : begin_section(reader, &block);
        else if (block.type == BLOCK_INTERFACE)
            status = add_interface(reader, &block);
        else
            return take_packet(reader, &block, out);
        if (status != MXT_OK)
            return status;
    }
}
