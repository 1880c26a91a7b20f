#include "sensor/output.h"

#include <stdlib.h>

#include "sensor/report.h"

struct mxt_output_writer {
    FILE *stream;
    struct mxt_json json;
    struct mxt_report *report; /* NULL: JSON */
    enum mxt_status status;
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

/* Writes the event in the JSON writer as one line. */
static void write_line(struct mxt_output_writer *writer, enum mxt_status encoded)
{
    const char *text = mxt_json_end(&writer->json);
    if (encoded != MXT_OK || text == NULL) {
        writer->status = MXT_ENOMEM;
        return;
    }
    fwrite(text, 1, writer->json.length, writer->stream);
    fputc('\n', writer->stream);
}

static void note_stream_fault(struct mxt_output_writer *writer)
{
    if (ferror(writer->stream) && writer->status == MXT_OK)
        writer->status = MXT_EIO;
}

void mxt_output_session(struct mxt_output_writer *writer, const struct mxt_record *record, const struct mxt_judged *judged)
{
    if (writer->report != NULL) {
        mxt_report_session(writer->report, record, judged);
    } else if (!judged->is_again) {
        mxt_json_reset(&writer->json);
        write_line(writer, mxt_event_encode_record(&writer->json, record));
    }
    note_stream_fault(writer);
}

void mxt_output_alert(struct mxt_output_writer *writer, const struct mxt_alert *alert)
{
    if (writer->report != NULL) {
        mxt_report_alert(writer->report, alert);
    } else {
        mxt_json_reset(&writer->json);
        write_line(writer, mxt_event_encode_alert(&writer->json, alert));
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
        write_line(writer, encoded);
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
        write_line(writer, mxt_event_encode_health(&writer->json, health));
    }
    if (fflush(writer->stream) != 0 && writer->status == MXT_OK)
        writer->status = MXT_EIO;
    note_stream_fault(writer);
}

enum mxt_status mxt_output_status(const struct mxt_output_writer *writer)
{
    return writer->status;
}
