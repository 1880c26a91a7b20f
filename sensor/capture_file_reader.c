/* One capture file: its header, pcap records, faults. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/capture_file_int.h"

#define LABEL_MAX            200 /* bytes of a path in messages; of longer ones the end, which tells more */
#define PCAP_HEADER          24
#define PCAP_RECORD          16
#define PCAP_RECORD_MODIFIED 24
#define PCAP_LINK_TYPE       0x03ffffffu /* the upper bits tell the length of a frame check sequence */
#define PCAPNG_MAGIC         0x0a0d0d0au /* the same in both byte orders */

enum mxt_status mxt_reader_fail(struct mxt_reader *reader, enum mxt_status status, const char *format, ...)
{
    if (reader->fault != NULL)
        return status;
    va_list arguments;
    char *sentence = NULL;
    va_start(arguments, format);
    if (vasprintf(&sentence, format, arguments) < 0)
        sentence = NULL;
    va_end(arguments);
    if (asprintf(&reader->fault, "%s: %s", reader->label, sentence == NULL ? "out of memory" : sentence) < 0)
        reader->fault = NULL;
    free(sentence);
    return status;
}

enum mxt_status mxt_reader_init(struct mxt_reader *reader, const char *path, size_t index, struct mxt_interface_names *names, struct mxt_chunks *chunks)
{
    memset(reader, 0, sizeof *reader);
    reader->source.tap.fd = -1;
    reader->path = path;
    reader->index = index;
    reader->names = names;
    reader->chunks = chunks;
    reader->key_us = INT64_MIN;
    size_t length = strlen(path);
    bool is_long = length > LABEL_MAX;
    const char *text = strcmp(path, "-") == 0 ? "standard input" : is_long ? path + length - LABEL_MAX : path;
    if (asprintf(&reader->label, "%s%s", is_long ? "..." : "", text) < 0) {
        reader->label = NULL;
        return MXT_ENOMEM;
    }
    for (char *p = reader->label; *p != '\0'; p++) /* a file's name must not drive a terminal */
        if (iscntrl((unsigned char)*p))
            *p = '?';
    return MXT_OK;
}

void mxt_reader_clear(struct mxt_reader *reader)
{
    mxt_reader_close(reader);
    free(reader->label);
    free(reader->fault);
    reader->label = reader->fault = NULL;
}

void mxt_reader_close(struct mxt_reader *reader)
{
    mxt_source_close(&reader->source);
    free(reader->interfaces);
    reader->interfaces = NULL;
    reader->interface_count = reader->interface_room = 0;
    reader->is_open = false;
}

enum mxt_status mxt_reader_need(struct mxt_reader *reader, size_t n, const char *what)
{
    enum mxt_status status = mxt_source_need(&reader->source, n);
    uint64_t number = reader->packets + 1;
    if (status == MXT_OK || status == MXT_MORE)
        return status;
    if (status == MXT_DONE)
        return mxt_reader_fail(reader, MXT_EMALFORMED,
                               "packet %" PRIu64 ": cut off after %zu of %zu bytes of its %s; what precedes was used, copy the file again", number,
                               mxt_source_left(&reader->source), n, what);
    return mxt_reader_fail(reader, status, "packet %" PRIu64 ": %s", number, reader->source.fault);
}

/* Other formats that people try, each with its way out. */
static const char *known_format(const uint8_t *p, size_t n)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *sentence;
    } formats[] = {
        {"BZh", 3, "is compressed with bzip2; unpack it first (bunzip2)"},
        {"\xfd"
         "7zXZ",
         5, "is compressed with xz; unpack it first (unxz)"},
        {"\x04\x22\x4d\x18", 4, "is compressed with lz4; unpack it first (unlz4)"},
        {"PK\x03\x04", 4, "is a zip archive; unpack it first (unzip)"},
        {"snoop\0\0\0", 8, "is a snoop capture; convert it with editcap"},
        {"\x7f"
         "ELF",
         4, "is a program, not a capture"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (n >= formats[i].length && memcmp(p, formats[i].magic, formats[i].length) == 0)
            return formats[i].sentence;
    return NULL;
}

static enum mxt_status not_a_capture(struct mxt_reader *reader)
{
    const uint8_t *p = reader->source.p;
    size_t n = mxt_source_left(&reader->source);
    const char *known = known_format(p, n);
    reader->is_recognised = false;
    if (known != NULL)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "%s", known);
    if (n == 0)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "is empty, not even a capture's header is in it; capture again, or leave it out");
    char bytes[4 * 3 + 1] = "";
    for (size_t i = 0; i < n && i < 4; i++)
        snprintf(bytes + i * 3, 4, " %02x", p[i]);
    return mxt_reader_fail(reader, MXT_EMALFORMED, "not a pcap or pcapng file; first bytes are%s; name a capture (tcpdump -w writes one)", bytes);
}

/*
 * The header of a pcap file (draft-ietf-opsawg-pcap 4). The magic number tells byte order and unit of time; the one of Alexey Kuznetzov's patched
 * libpcap of the nineties, still met in old collections, tells of 8 more bytes in front of each frame.
 */
static enum mxt_status begin_pcap(struct mxt_reader *reader, uint32_t magic)
{
    bool is_modified = magic == 0xa1b2cd34u || magic == 0x34cdb2a1u;
    reader->format = MXT_FORMAT_PCAP;
    reader->is_nano = magic == 0xa1b23c4du || magic == 0x4d3cb2a1u;
    reader->is_swapped = (magic & 0xff) == 0xa1;
    reader->record_header = is_modified ? PCAP_RECORD_MODIFIED : PCAP_RECORD;
    enum mxt_status status = mxt_source_need(&reader->source, PCAP_HEADER);
    if (status != MXT_OK)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "the capture's header is cut off; capture or copy it again");
    unsigned major = mxt_reader_u16(reader, reader->source.p + 4);
    if (major != 2)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "pcap version %u is not known; convert it with editcap", major);
    reader->link_type = (int)(mxt_reader_u32(reader, reader->source.p + 20) & PCAP_LINK_TYPE);
    mxt_source_skip(&reader->source, PCAP_HEADER);
    return MXT_OK;
}

/* The file's header. As mxt_reader_open. */
static enum mxt_status begin(struct mxt_reader *reader)
{
    enum mxt_status status = mxt_source_open(&reader->source, reader->path, reader->chunks);
    if (status != MXT_OK)
        return mxt_reader_fail(reader, status, "%s", reader->source.fault);
    reader->is_open = true;
    reader->packets = 0;
    uint32_t magic = 0;
    status = mxt_source_need(&reader->source, sizeof magic);
    if (status == MXT_OK)
        memcpy(&magic, reader->source.p, sizeof magic);
    else if (status != MXT_DONE)
        return mxt_reader_fail(reader, MXT_EMALFORMED, "%s", status == MXT_MORE ? "interrupted before its first bytes came" : reader->source.fault);
    reader->is_recognised = true;
    switch (magic) {
    case 0xa1b2c3d4u:
    case 0xd4c3b2a1u:
    case 0xa1b23c4du:
    case 0x4d3cb2a1u:
    case 0xa1b2cd34u:
    case 0x34cdb2a1u: return begin_pcap(reader, magic);
    case PCAPNG_MAGIC: return mxt_pcapng_begin(reader);
    default: return not_a_capture(reader);
    }
}

enum mxt_status mxt_reader_open(struct mxt_reader *reader)
{
    enum mxt_status status = begin(reader);
    reader->source.tap.waits = false; /* from here on who asks for frames decides whether to wait */
    return status;
}

/* A pcap record that is not at hand whole, or not sound, or empty. */
static enum mxt_status next_pcap(struct mxt_reader *reader, struct mxt_frame *out)
{
    if (mxt_pcap_take(reader, out))
        return MXT_OK;
    struct mxt_source *source = &reader->source;
    enum mxt_status status = mxt_source_need(source, 1);
    if (status == MXT_DONE || status == MXT_MORE)
        return status;
    status = mxt_reader_need(reader, reader->record_header, "header");
    if (status != MXT_OK)
        return status;
    uint32_t captured = mxt_reader_u32(reader, source->p + 8), wire = mxt_reader_u32(reader, source->p + 12);
    if ((captured > MXT_FRAME_MAX || captured > wire || captured == 0) && mxt_source_confirm(source) != MXT_OK)
        return mxt_reader_fail(reader, MXT_EIO, "packet %" PRIu64 ": %s", reader->packets + 1, source->fault);
    if (captured > MXT_FRAME_MAX || captured > wire)
        return mxt_reader_fail(reader, MXT_EMALFORMED,
                               "packet %" PRIu64 ": its header claims %" PRIu32 " captured bytes of %" PRIu32
                               ", which cannot be; what precedes was used, copy the file again",
                               reader->packets + 1, captured, wire);
    status = mxt_source_need(source, reader->record_header + captured);
    if (status == MXT_DONE)
        return mxt_reader_fail(reader, MXT_EMALFORMED,
                               "packet %" PRIu64 ": cut off after %zu of %" PRIu32 " bytes; what precedes was used, copy the file again", reader->packets + 1,
                               mxt_source_left(source) - reader->record_header, captured);
    if (status != MXT_OK)
        return status == MXT_MORE ? status : mxt_reader_need(reader, reader->record_header + captured, "bytes");
    mxt_pcap_step(reader, captured, wire, out);
    return MXT_OK;
}

enum mxt_status mxt_reader_next(struct mxt_reader *reader, struct mxt_frame *out)
{
    return reader->format == MXT_FORMAT_PCAP ? next_pcap(reader, out) : mxt_pcapng_next(reader, out);
}
