#include "sensor/output.h"

#include <errno.h>
#include <stdlib.h>

#include "sensor/report.h"

struct mxt_output_writer {
    FILE *stream;
    struct mxt_json json;
    struct mxt_report *report; /* NULL: JSON */
    enum mxt_status status;
    int error; /* errno, for MXT_EIO */
};

struct mxt_output_writer *mxt_output_new(FILE *stream, enum mxt_output format, bool is_live, bool has_colour)
{
    struct mxt_output_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->stream = stream;
    if (format == MXT_OUTPUT_TEXT && (writer->report = mxt_report_new(stream, is_live, has_colour)) == NULL) {
        free(writer);
        return NULL;
    }
    return writer;
}

void mxt_output_free(struct mxt_output_writer *writer)
{
    if (writer == NULL)
        return;
    mxt_json_free(&writer->json);
    mxt_report_free(writer->report);
    free(writer);
}

/* Behind every event; the first failure is the one that is told, by errno as it is. */
static void note_stream_fault(struct mxt_output_writer *writer)
{
    if (writer->status == MXT_OK && ferror(writer->stream)) {
        writer->error = errno;
        writer->status = MXT_EIO;
    }
}

static void write_line(struct mxt_output_writer *writer, const char *text, size_t n)
{
    fwrite(text, 1, n, writer->stream);
    fputc('\n', writer->stream);
}

/* Writes the event in the JSON writer as one line. */
static void write_event(struct mxt_output_writer *writer, enum mxt_status encoded)
{
    const char *text = mxt_json_end(&writer->json);
    if (encoded != MXT_OK || text == NULL) {
        writer->status = MXT_ENOMEM;
        return;
    }
    write_line(writer, text, writer->json.length);
}

void mxt_output_session(struct mxt_output_writer *writer, const struct mxt_record *record, const struct mxt_judged *judged, const char *json, size_t n)
{
    if (writer->report != NULL)
        mxt_report_session(writer->report, record, judged);
    else if (!judged->is_again)
        write_line(writer, json, n);
    note_stream_fault(writer);
}

void mxt_output_alert(struct mxt_output_writer *writer, const struct mxt_alert *alert)
{
    if (writer->report != NULL) {
        mxt_report_alert(writer->report, alert);
    } else {
        mxt_json_reset(&writer->json);
        write_event(writer, mxt_event_encode_alert(&writer->json, alert));
    }
    note_stream_fault(writer);
}

void mxt_output_count_alert(struct mxt_output_writer *writer, const struct mxt_alert *alert)
{
    if (writer->report != NULL)
        mxt_report_count_alert(writer->report, alert);
}

void mxt_output_health(struct mxt_output_writer *writer, const struct mxt_health *health, bool is_asked_for)
{
    if (writer->report != NULL && !is_asked_for)
        return;
    mxt_json_reset(&writer->json);
    enum mxt_status encoded = mxt_event_encode_health(&writer->json, health);
    const char *text = mxt_json_end(&writer->json);
    if (writer->report == NULL)
        write_event(writer, encoded);
    else if (encoded == MXT_OK && text != NULL)
        fprintf(stderr, "%s\n", text);
    note_stream_fault(writer);
}

void mxt_output_finish(struct mxt_output_writer *writer, const struct mxt_health *health)
{
    if (writer->report != NULL) {
        mxt_report_finish(writer->report, health);
    } else {
        mxt_json_reset(&writer->json);
        write_event(writer, mxt_event_encode_health(&writer->json, health));
    }
    fflush(writer->stream);
    note_stream_fault(writer);
}

enum mxt_status mxt_output_status(const struct mxt_output_writer *writer)
{
    return writer->status;
}

int mxt_output_error(const struct mxt_output_writer *writer)
{
    return writer->error;
}
