/* mxtap-bench-loop: libpcap's bare reading loop, the measure of the sensor's speed. It counts, and does nothing else. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

struct counts {
    uint64_t packets;
    uint64_t bytes;
};

static void count(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *data)
{
    struct counts *counts = (struct counts *)(void *)user;
    (void)data;
    counts->packets++;
    counts->bytes += header->caplen;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    if (argc != 2) {
        fputs("usage: mxtap-bench-loop CAPTURE\n", stderr);
        return 2;
    }
    pcap_t *capture = pcap_open_offline(argv[1], error);
    if (capture == NULL) {
        fprintf(stderr, "mxtap-bench-loop: %s\n", error);
        return 1;
    }
    struct counts counts = {0, 0};
    int status = pcap_loop(capture, -1, count, (unsigned char *)&counts);
    if (status < 0)
        fprintf(stderr, "mxtap-bench-loop: %s: %s\n", argv[1], pcap_geterr(capture));
    else
        printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", counts.packets, counts.bytes);
    pcap_close(capture);
    return status < 0 ? 1 : 0;
}
