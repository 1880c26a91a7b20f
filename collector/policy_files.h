/* MTA-STS policies from a folder into the knowledge. */
#ifndef MXT_COLLECTOR_POLICY_FILES_H
#define MXT_COLLECTOR_POLICY_FILES_H

#include <stddef.h>

#include "decoders/status.h"
#include "rules/knowledge.h"
#include "rules/faults.h"

/*
 * Reads every file in the folder (named DOMAIN or DOMAIN.txt, dotfiles aside) as a policy into `memory`, in order of name. A file that is no valid policy is
 * told and passed over. MXT_OK; MXT_EIO: the folder itself cannot be read (told too); MXT_ENOMEM.
 */
enum mxt_status mxt_policy_files_read(struct mxt_memory *memory, const char *folder, const struct mxt_faults *faults) MXT_MUST_CHECK;

#endif
