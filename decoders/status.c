#include "decoders/status.h"

const char *mxt_strstatus(enum mxt_status status)
{
    switch (status) {
    case MXT_OK: return "ok";
    case MXT_MORE: return "more input needed";
    case MXT_DONE: return "done";
    case MXT_ENOMEM: return "out of memory";
    case MXT_EMALFORMED: return "malformed";
    case MXT_ELIMIT: return "limit reached";
    case MXT_EIO: return "input or output failed";
    case MXT_EUSAGE: return "wrong usage";
    }
    return "unknown status";
}
