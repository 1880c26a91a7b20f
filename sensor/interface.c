#include "sensor/interface.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "decoders/link.h"
#include "sensor/interface_filter.h"

#define NAMES_BYTES 512 /* of the list of interfaces in a message */
#define PATH_BYTES  256
#define DROP_FILES  2
#define NUMBER_BYTES 24 /* of a counter's digits */

struct mxt_interface {
    const char *name;
    pcap_t *handle;
    int link_type; /* LINKTYPE_... */
    int64_t since_us;
    void (*take)(void *context, const struct mxt_frame *frame);
    void *context;
    struct mxt_interface_counters counters;
    uint32_t last_drops; /* the kernel's; libpcap counts in 32 bits */
    /* The interface's own drops, which libpcap would read by opening files of sysfs each time: a sandboxed thread opens none. -1: none */
    int drop_files[DROP_FILES];
    uint64_t drops_before; /* at the start */
    char error[MXT_INTERFACE_ERROR];
};

/* "eth0, eth1, lo" */
static void list_names(char *out, size_t size)
{
    struct if_nameindex *names = if_nameindex();
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; names != NULL && names[i].if_index != 0 && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i == 0 ? "" : ", ", names[i].if_name);
    if (names != NULL)
        if_freenameindex(names);
}

static void explain_missing(const char *name, char *error)
{
    char names[NAMES_BYTES];
    list_names(names, sizeof names);
    snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: there is no such interface; there are: %s", name, names);
}

static void explain_permission(const char *name, char *error)
{
    char path[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    snprintf(error, MXT_INTERFACE_ERROR,
             "-i %.64s: no permission to capture; run as root, or give the program the right, once: setcap cap_net_raw,cap_net_admin=eip %s", name,
             n > 0 ? path : "mxtap-sensor");
}

static void explain_activation(pcap_t *handle, const char *name, int status, char *error)
{
    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE: explain_missing(name, error); return;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED: explain_permission(name, error); return;
    case PCAP_ERROR_IFACE_NOT_UP:
        snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: the interface is down; bring it up first: ip link set dev %.64s up", name, name);
        return;
    default: break;
    }
    const char *why = pcap_geterr(handle);
    snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: %.600s; a smaller --buffer may help where memory is short", name,
             why[0] != '\0' ? why : pcap_statustostr(status));
}

static int to_link_type(int datalink)
{
    return datalink == DLT_RAW ? MXT_LINKTYPE_RAW : datalink;
}

static bool is_readable(int link_type)
{
    switch (link_type) {
    case MXT_LINKTYPE_ETHERNET:
    case MXT_LINKTYPE_LINUX_SLL:
    case MXT_LINKTYPE_LINUX_SLL2:
    case MXT_LINKTYPE_RAW:
    case MXT_LINKTYPE_IPV4:
    case MXT_LINKTYPE_IPV6:
    case MXT_LINKTYPE_PPP:
    case MXT_LINKTYPE_PPP_ETHER: return true;
    default: return false;
    }
}

/* Lets the kernel pass over what can be told from outside to be no mail. */
static bool set_filter(pcap_t *handle, const struct mxt_interface_config *config, char *error)
{
    struct bpf_program program;
    char *expression = mxt_interface_filter(config->ports, config->has_any_port, config->filter);
    if (expression == NULL) {
        snprintf(error, MXT_INTERFACE_ERROR, "out of memory");
        return false;
    }
    int status = pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN);
    free(expression);
    if (status == 0) {
        status = pcap_setfilter(handle, &program);
        pcap_freecode(&program);
    }
    if (status != 0)
        snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: the filter cannot be used on this interface: %.600s; see pcap-filter(7)", config->name, pcap_geterr(handle));
    return status == 0;
}

static bool activate(pcap_t *handle, const struct mxt_interface_config *config, char *error)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_set_snaplen(handle, MXT_INTERFACE_SNAP);
    pcap_set_promisc(handle, 1);
    pcap_set_timeout(handle, MXT_INTERFACE_TIMEOUT_MS);
    pcap_set_buffer_size(handle, (int)config->buffer_bytes);
    int status = pcap_activate(handle);
    if (status < 0) {
        explain_activation(handle, config->name, status, error);
        return false;
    }
    if (!is_readable(to_link_type(pcap_datalink(handle)))) {
        const char *name = pcap_datalink_val_to_description(pcap_datalink(handle));
        snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: its link type (%.100s) carries no IP that mxtap understands; name another interface", config->name,
                 name != NULL ? name : "unknown");
        return false;
    }
    if (pcap_setnonblock(handle, 1, text) != 0) {
        snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: %.600s", config->name, text);
        return false;
    }
    return set_filter(handle, config, error);
}

static void open_drop_files(struct mxt_interface *interface)
{
    static const char *const names[DROP_FILES] = {"rx_missed_errors", "rx_fifo_errors"};
    for (size_t i = 0; i < DROP_FILES; i++) {
        char path[PATH_BYTES];
        int n = snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", interface->name, names[i]);
        interface->drop_files[i] = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
}

static uint64_t read_drops(const struct mxt_interface *interface)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < DROP_FILES; i++) {
        char digits[NUMBER_BYTES];
        ssize_t n = interface->drop_files[i] >= 0 ? pread(interface->drop_files[i], digits, sizeof digits - 1, 0) : 0;
        digits[n > 0 ? n : 0] = '\0';
        sum += strtoull(digits, NULL, 10);
    }
    return sum;
}

/* By the capture's own socket: one more cannot be made behind the sandbox. */
static bool does_exist(const struct mxt_interface *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface->name);
    return ioctl(pcap_fileno(interface->handle), SIOCGIFINDEX, &request) == 0;
}

struct mxt_interface *mxt_interface_open(const struct mxt_interface_config *config, char *error)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    struct mxt_interface *interface = calloc(1, sizeof *interface);
    for (size_t i = 0; i < DROP_FILES && interface != NULL; i++)
        interface->drop_files[i] = -1;
    if (interface == NULL || (interface->handle = pcap_create(config->name, text)) == NULL) {
        snprintf(error, MXT_INTERFACE_ERROR, "-i %.64s: %.600s", config->name, interface == NULL ? "out of memory" : text);
        mxt_interface_close(interface);
        return NULL;
    }
    interface->name = config->name;
    interface->since_us = INT64_MIN;
    if (!activate(interface->handle, config, error)) {
        mxt_interface_close(interface);
        return NULL;
    }
    interface->link_type = to_link_type(pcap_datalink(interface->handle));
    if (config->counts_own_drops)
        open_drop_files(interface);
    interface->drops_before = read_drops(interface);
    return interface;
}

void mxt_interface_close(struct mxt_interface *interface)
{
    if (interface == NULL)
        return;
    if (interface->handle != NULL)
        pcap_close(interface->handle);
    for (size_t i = 0; i < DROP_FILES; i++)
        if (interface->drop_files[i] >= 0)
            close(interface->drop_files[i]);
    free(interface);
}

int mxt_interface_fd(const struct mxt_interface *interface)
{
    return pcap_get_selectable_fd(interface->handle);
}

void mxt_interface_begin(struct mxt_interface *interface, int64_t since_us)
{
    interface->since_us = since_us;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libpcap's */
static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    const struct mxt_interface *interface = (const struct mxt_interface *)(const void *)user;
    const struct mxt_frame frame = {
        .time_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec,
        .data = bytes,
        .captured = header->caplen,
        .wire = header->len > header->caplen ? header->len : header->caplen,
        .link_type = interface->link_type,
        .interface = interface->name,
    };
    if (frame.time_us >= interface->since_us)
        interface->take(interface->context, &frame);
}

enum mxt_status mxt_interface_read(struct mxt_interface *interface, int max, void (*take)(void *context, const struct mxt_frame *frame), void *context)
{
    interface->take = take;
    interface->context = context;
    int count = pcap_dispatch(interface->handle, max, on_packet, (u_char *)interface);
    if (count >= 0)
        return count > 0 ? MXT_OK : MXT_MORE;
    /* Down is not gone: the socket stays bound, and frames come again when the interface is up. */
    if (does_exist(interface) && count == PCAP_ERROR_IFACE_NOT_UP)
        return MXT_MORE;
    snprintf(interface->error, sizeof interface->error, "-i %.64s: the interface is gone: %.600s", interface->name, pcap_geterr(interface->handle));
    return MXT_EIO;
}

const char *mxt_interface_error(const struct mxt_interface *interface)
{
    return interface->error;
}

struct mxt_interface_counters mxt_interface_counters(struct mxt_interface *interface)
{
    struct pcap_stat now;
    if (pcap_stats(interface->handle, &now) == 0) {
        interface->counters.kernel_drops += now.ps_drop - interface->last_drops;
        interface->last_drops = now.ps_drop;
    }
    uint64_t drops = read_drops(interface);
    if (drops >= interface->drops_before) /* the interface that went and came again counts anew */
        interface->counters.interface_drops = drops - interface->drops_before;
    return interface->counters;
}
