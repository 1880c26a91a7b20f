/* Alerts as people and scripts read them, from what Redis holds: nothing of it can drive a terminal. */
#ifndef MXT_COLLECTOR_ALERTS_PRINT_H
#define MXT_COLLECTOR_ALERTS_PRINT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>

/* The hash `alert:ID` as Redis answers HGETALL, or the fields of an entry of the stream. */
struct mxt_alert_view {
    const redisReply *fields;
    FILE *stream;
    bool has_colour;
};

/* The line that names the columns of mxt_alert_print_line. */
void mxt_alert_print_head(FILE *stream);

/* One line of `alerts list`. */
void mxt_alert_print_line(const struct mxt_alert_view *view);

/* All about it. */
void mxt_alert_print_whole(const struct mxt_alert_view *view);

/* A line of `alerts tail`. */
void mxt_alert_print_told(const struct mxt_alert_view *view);

/* One JSON object: the EVE event in "event", beside it what people did. */
void mxt_alert_print_json(const struct mxt_alert_view *view);

/* A field as text, "" where it is not there. */
const char *mxt_alert_field(const redisReply *fields, const char *name);

#endif
