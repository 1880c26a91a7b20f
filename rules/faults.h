/* Where sentences about faulty input go: files and lines that a person has to mend. */
#ifndef MXT_RULES_FAULTS_H
#define MXT_RULES_FAULTS_H

#define MXT_FAULT_TEXT 1024 /* bytes that hold any such sentence with its file's name */

/* Told of every fault, one sentence each, without a newline; it names the place and the mend. */
struct mxt_faults {
    void (*tell)(void *context, const char *sentence);
    void *context;
};

#endif
