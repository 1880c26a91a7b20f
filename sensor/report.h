/*
 * The text report: what a person reads. Sessions as they end, each with its story in one or two lines and its alerts below, then the summary.
 * Strings in records are safe text already (decoders/text.h).
 */
#ifndef MXT_SENSOR_REPORT_H
#define MXT_SENSOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/alert.h"
#include "rules/event.h"
#include "rules/record.h"

/* Counts what the summary says beyond the health counters. Zeroed is empty. */
struct mxt_report {
    bool has_colour;
    uint64_t alerts[MXT_SEVERITY_CRITICAL + 1];
    uint64_t established, failed, decrypted, plaintext, silent; /* sessions by what became of them */
    uint64_t certificate_good, certificate_bad, certificate_unchecked, certificate_unseen;
};

void mxt_report_session(struct mxt_report *report, FILE *stream, const struct mxt_record *record, const struct mxt_alert *alerts, size_t count);

void mxt_report_summary(const struct mxt_report *report, FILE *stream, const struct mxt_health *health);

#endif
