/* What the kernel is asked to hand up of an interface's frames. */
#ifndef MXT_SENSOR_INTERFACE_FILTER_H
#define MXT_SENSOR_INTERFACE_FILTER_H

#include <stdbool.h>

#include "decoders/packet.h"

/*
 * A pcap-filter(7) expression: TCP on `ports` (on any port where `has_any_port`) that also matches `user` (or NULL); and whole, whatever `user` says, all in which
 * such a segment may hide where a filter cannot look: tunnels, fragments, extension headers. From malloc; NULL: out of memory.
 */
char *mxt_interface_filter(const struct mxt_port_set *ports, bool has_any_port, const char *user);

#endif
