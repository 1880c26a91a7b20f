/* What the parts of the report share. Only for the files sensor/report*.c. */
#ifndef MXT_SENSOR_REPORT_INT_H
#define MXT_SENSOR_REPORT_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sensor/report.h"
#include "sensor/stories.h"

#define MXT_REPORT_TIME        32   /* bytes that hold a time as printed */
#define MXT_REPORT_LINES       20   /* of a list, before the rest is only counted */
#define MXT_REPORT_RISKS       4096 /* alerts that are weighed for who is most at risk; they come gravest first */
#define MXT_REPORT_RISKS_SHOWN 5

/* Who an alert is about, to be counted. */
struct mxt_risk {
    char *name; /* owned */
    enum mxt_severity severity;
    uint64_t alerts, sessions;
};

struct mxt_risks {
    struct mxt_risk items[MXT_REPORT_RISKS];
    size_t count;
};

/* A session with nothing to say, while nothing is known against it. */
struct mxt_quiet_session {
    uint64_t session_id;
    char *line; /* owned */
};

struct mxt_report {
    FILE *stream;
    bool is_live, has_colour;
    struct mxt_stories stories;
    struct mxt_quiet_session quiet[MXT_REPORT_LINES];
    size_t quiet_shown;
    uint64_t quiet_total;
    uint64_t incident_id;                /* the one being printed */
    uint64_t incidents, minor_incidents; /* printed; of info alone */
    bool is_remedy_told[MXT_RULES];      /* of the incident: once a rule is enough */
    unsigned stories_told;               /* of the incident */
    uint64_t minor_shown;
    struct mxt_risks servers, domains;
    uint64_t alerts[MXT_SEVERITY_CRITICAL + 1];
    uint64_t established, failed, decrypted, plaintext, silent; /* sessions by what became of them */
    uint64_t certificate_good, certificate_bad, certificate_unchecked, certificate_unseen;
};

/* report.c */
const char *mxt_report_bold(bool has_colour);
const char *mxt_report_plain(bool has_colour);
const char *mxt_report_colour(const struct mxt_report *report, enum mxt_severity severity);
/* "2024-05-01 10:00:00Z"; `text` holds MXT_REPORT_TIME bytes. */
void mxt_report_time(int64_t time_us, char *text);
void mxt_report_endpoint(FILE *stream, const struct mxt_address *address, uint16_t port);
bool mxt_report_is_encrypted(const struct mxt_record *record);
/* Messages of the session that crossed in the clear. */
uint32_t mxt_report_exposed(const struct mxt_record *record);

/* report_story.c: one line, or the whole story. */
void mxt_report_head(FILE *stream, const struct mxt_record *record, bool has_colour);
void mxt_report_story(FILE *stream, const struct mxt_record *record, bool has_colour);

/* report_summary.c */
void mxt_report_count_session(struct mxt_report *report, const struct mxt_record *record);
void mxt_report_summary(const struct mxt_report *report, const struct mxt_health *health);

/* report_risk.c: servers and domains most at risk. */
void mxt_report_count_risk(struct mxt_report *report, const struct mxt_alert *alert);
void mxt_report_risks(struct mxt_report *report);
void mxt_report_risks_free(struct mxt_risks *risks);

#endif
