#include "sensor/mirror.h"

/* Below these nothing is said: a handful of odd sessions is normal. */
#define SESSIONS_MIN 10u
#define SEGMENTS_MIN 100u
#define PACKETS_MIN  1000u

/* Shares in a thousand from which a fault is likely. */
#define ONE_SIDED_SHARE  250u /* scans and lost handshakes leave a few percent */
#define GAPPED_SHARE     50u
#define DUPLICATE_SHARE  100u /* retransmission and keep-alives stay below a few percent */
#define BAD_SHARE        10u
#define OFFLOADED_SHARE  500u /* half: one of two directions leaves the host that captures */
#define SNAPPED_SHARE    10u
#define DROPPED_SHARE    1u
#define STRANGE_SHARE    500u
#define FRAGMENTS_SHARE  10u
#define MIDSTREAM_SHARE  500u

static bool has_share(uint64_t part, uint64_t whole, uint64_t share)
{
    return part > 0 && part >= whole / 1000 * share + whole % 1000 * share / 1000;
}

struct advice {
    const char **out;
    size_t count;
};

static void say(struct advice *advice, bool is_so, const char *sentence)
{
    if (is_so && advice->count < MXT_MIRROR_ADVICE)
        advice->out[advice->count++] = sentence;
}

/* Nothing comes, or nothing of mail. */
static void advise_on_silence(struct advice *advice, const struct mxt_health *seen, bool is_live)
{
    bool has_mail = seen->segments > 0 || seen->claimed > 0;
    say(advice, is_live && seen->packets == 0,
        "No packet came at all: see whether the mirror session is active and ends at this interface, and whether --filter lets anything through.");
    say(advice, seen->packets >= PACKETS_MIN && has_share(seen->unsupported, seen->packets, STRANGE_SHARE),
        "Most frames are in an encapsulation that is not understood: mirror in front of the device that wraps them, or have it strip its header.");
    say(advice, seen->packets >= PACKETS_MIN && !has_mail && seen->unsupported < seen->packets / 2,
        "Traffic comes, but no mail: mirror the port or VLAN of the mail servers; if they listen on other ports, name them with --ports.");
}

/* Packets are lost on their way here. */
static void advise_on_loss(struct advice *advice, const struct mxt_health *seen)
{
    bool has_kernel_drops = has_share(seen->kernel_drops, seen->packets, DROPPED_SHARE), has_interface_drops = has_share(seen->interface_drops, seen->packets, DROPPED_SHARE);
    say(advice, has_kernel_drops, "This machine does not keep up and drops packets: give the capture a larger buffer or more workers, or narrow it with --filter.");
    say(advice, has_interface_drops, "The network card drops packets before they are captured: enlarge its receive ring (ethtool -G), or mirror less to it.");
    say(advice, seen->sessions >= SESSIONS_MIN && has_share(seen->gapped, seen->sessions, GAPPED_SHARE) && !has_kernel_drops && !has_interface_drops,
        "Packets are missing within sessions, and were not lost here: the mirror port is overloaded (mirror fewer ports or VLANs to it), or whoever captured dropped them.");
    say(advice, seen->packets >= PACKETS_MIN && has_share(seen->fragments_dropped, seen->packets, FRAGMENTS_SHARE),
        "Many IP fragments never become whole: the mirror loses packets, or sends only some of the paths that they take.");
}

/* What comes is not what crossed. */
static void advise_on_shape(struct advice *advice, const struct mxt_health *seen)
{
    bool is_much = seen->segments >= SEGMENTS_MIN;
    say(advice, seen->packets >= SEGMENTS_MIN && has_share(seen->snapped, seen->packets, SNAPPED_SHARE),
        "Frames are cut by the snap length: capture whole frames (tcpdump -s 262144), and let the mirror truncate nothing.");
    say(advice, is_much && has_share(seen->duplicates, seen->segments, DUPLICATE_SHARE),
        "Packets come twice: the mirror copies them both as received and as transmitted, or two mirrored ports are on their way; mirror one direction of all ports, or both of one.");
    say(advice, is_much && has_share(seen->bad_checksums_dropped, seen->segments, BAD_SHARE),
        "Segments with bad checksums come among good ones and are passed over: a cable, a port or the mirror damages frames; look at the error counters of switch and card.");
    say(advice, is_much && has_share(seen->bad_checksums_accepted, seen->segments, OFFLOADED_SHARE),
        "All checksums of a direction are bad, which comes from capturing on the sending host (offload), so they are not judged by; to have them checked, mirror at the switch.");
}

size_t mxt_mirror_advise(const struct mxt_health *interval, bool is_live, const char *out[MXT_MIRROR_ADVICE])
{
    struct advice advice = {.out = out};
    const struct mxt_health *seen = interval;
    bool is_much = seen->sessions >= SESSIONS_MIN;
    advise_on_silence(&advice, seen, is_live);
    say(&advice, is_much && has_share(seen->one_sided, seen->sessions, ONE_SIDED_SHARE),
        "Many sessions are seen from one side only: the mirror sends only received or only transmitted frames, or the other direction takes another path; mirror both directions.");
    advise_on_loss(&advice, seen);
    advise_on_shape(&advice, seen);
    say(&advice, seen->clock_jumps > 0,
        "The capture's clock went back: let a time service (chrony) slew the clock of whoever captures, and give captures that overlap in time as several files.");
    say(&advice, is_much && !is_live && has_share(seen->midstream, seen->sessions, MIDSTREAM_SHARE),
        "Most sessions began before the capture: what was agreed at their beginning is not known; capture for longer than sessions last.");
    return advice.count;
}
