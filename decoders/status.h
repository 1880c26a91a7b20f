/* What a function that can fail answers, and the three-valued truth of a fact. */
#ifndef MXT_DECODERS_STATUS_H
#define MXT_DECODERS_STATUS_H

#define MXT_MUST_CHECK __attribute__((warn_unused_result))

enum mxt_status {
    MXT_OK = 0,
    MXT_MORE = 1,     /* not a failure: the input ends inside an item, feed more */
    MXT_DONE = 2,     /* not a failure: nothing that follows matters to this decoder, stop feeding it */
    MXT_ENOMEM = -1,  /* allocation failed or the arena's limit is reached */
    MXT_EMALFORMED = -2,
    MXT_ELIMIT = -3,  /* a configured bound was reached */
    MXT_EIO = -4,
    MXT_EUSAGE = -5
};

/* A fact seen on the wire. What could not be seen is unknown, never "no". Zero is unknown, so that zeroed facts claim nothing. */
enum mxt_fact { MXT_UNKNOWN = 0, MXT_NO, MXT_YES } __attribute__((packed));

/* Direction of a byte in its TCP connection. The client is who opened it. */
enum mxt_direction { MXT_TOSERVER = 0, MXT_TOCLIENT = 1 };

/* The opposite direction. */
static inline enum mxt_direction mxt_direction_other(enum mxt_direction direction)
{
    return direction == MXT_TOSERVER ? MXT_TOCLIENT : MXT_TOSERVER;
}

/* A short English name of the status, for messages; never NULL. */
const char *mxt_strstatus(enum mxt_status status);

#endif
