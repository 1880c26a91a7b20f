#include "sensor/filter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_TYPES 16    /* different ones in one replay; more share the last place */
#define SNAP_LENGTH 262144
#define LINKTYPE_RAW 101 /* the one LINKTYPE_ that DLT_RAW does not equal */

struct program {
    int link_type;
    bool is_usable;
    struct bpf_program code;
};

struct mxt_filter {
    char *expression;
    size_t count;
    struct program programs[LINK_TYPES];
};

static bool compile(struct program *program, int link_type, const char *expression, char *error, size_t error_size)
{
    pcap_t *handle = pcap_open_dead(link_type == LINKTYPE_RAW ? DLT_RAW : link_type, SNAP_LENGTH);
    program->link_type = link_type;
    program->is_usable = handle != NULL && pcap_compile(handle, &program->code, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!program->is_usable && error != NULL)
        snprintf(error, error_size, "--filter \"%.100s\": %.120s; see pcap-filter(7)", expression, handle == NULL ? "out of memory" : pcap_geterr(handle));
    if (handle != NULL)
        pcap_close(handle);
    return program->is_usable;
}

struct mxt_filter *mxt_filter_new(const char *expression, char *error, size_t error_size)
{
    struct mxt_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL || (filter->expression = strdup(expression)) == NULL) {
        snprintf(error, error_size, "out of memory");
        free(filter);
        return NULL;
    }
    if (!compile(&filter->programs[filter->count++], DLT_EN10MB, expression, error, error_size)) {
        mxt_filter_free(filter);
        return NULL;
    }
    return filter;
}

void mxt_filter_free(struct mxt_filter *filter)
{
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].is_usable)
            pcap_freecode(&filter->programs[i].code);
    free(filter->expression);
    free(filter);
}

static struct program *program_for(struct mxt_filter *filter, int link_type)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].link_type == link_type)
            return &filter->programs[i];
    struct program *program = &filter->programs[filter->count < LINK_TYPES ? filter->count++ : LINK_TYPES - 1];
    if (program->is_usable)
        pcap_freecode(&program->code);
    compile(program, link_type, filter->expression, NULL, 0);
    return program;
}

bool mxt_filter_matches(struct mxt_filter *filter, const struct mxt_frame *frame)
{
    const struct program *program = program_for(filter, frame->link_type);
    return program->is_usable && bpf_filter(program->code.bf_insns, frame->data, frame->wire, frame->captured) != 0;
}
