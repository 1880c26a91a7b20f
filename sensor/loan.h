/* Memory that a record rests on, lent with it: a copy of every string costs more than all rules together. */
#ifndef MXT_SENSOR_LOAN_H
#define MXT_SENSOR_LOAN_H

#include <stddef.h>

/* Given back once, by whoever has it, from any thread, when the record is not needed any more; before its owner is freed. */
struct mxt_loan {
    void (*give_back)(void *owner, void *what);
    void *owner, *what;
    size_t bytes; /* of memory that it takes */
};

#endif
