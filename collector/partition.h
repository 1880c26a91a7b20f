/*
 * Which partition a record belongs to, and how a partition's keys begin: what sensors and collectors must agree on.
 *
 * A record's partition is XXH64 (seed 0) of its server's address, 16 bytes as in struct mxt_address (IPv4 mapped into IPv6), modulo the number of partitions. That
 * number is fixed in the hash `mxtap:meta` by whoever comes first. Keys begin with `mxtap:` where there is one partition, else with `mxtap:{0}:`, `mxtap:{1}:`, ...;
 * what concerns no server (health, names) goes to `mxtap:{control}:`. The braces keep a partition's keys together on one node of a cluster.
 */
#ifndef MXT_COLLECTOR_PARTITION_H
#define MXT_COLLECTOR_PARTITION_H

#include <stdint.h>

#include "collector/link.h"
#include "decoders/packet.h"

#define MXT_PARTITIONS_MAX 256u  /* each is worked by one collector at a time; more would be too small to matter */
#define MXT_PARTITION_CONTROL UINT32_MAX
#define MXT_PARTITION_KEY 64     /* bytes that hold a key with a short name behind the prefix */
#define MXT_PARTITION_META "mxtap:meta"

/* 0 to partitions - 1. */
uint32_t mxt_partition_of(const struct mxt_address *server, uint32_t partitions);

/* Writes the key `name` of a partition (MXT_PARTITION_CONTROL: the one for what concerns no server); a name of up to 40 bytes. "" gives the prefix alone. */
void mxt_partition_key(uint32_t partition, uint32_t partitions, const char *name, char out[MXT_PARTITION_KEY]);

/*
 * The number of partitions: what `meta` says; where it says nothing, `wanted` is fixed there. MXT_OK; MXT_EIO: the link broke, see mxt_link_error; MXT_EMALFORMED:
 * Redis refused or holds something else, told in `error` (MXT_LINK_ERROR bytes).
 */
enum mxt_status mxt_partition_agree(struct mxt_link *link, uint32_t wanted, uint32_t *out, char *error) MXT_MUST_CHECK;

#endif
