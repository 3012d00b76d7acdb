// Sends UDP packets of 64 bytes on the wire (60 without the checksum of the frame) as fast as one core can: sendmmsg on a packet
// socket. The kernel is given sixteen packets of a flow as one and cuts them before they leave, which takes a third of the time of
// sixteen calls. Prints how many packets the kernel took.
//
//   packet-sender INTERFACE SECONDS FLOWS [PACKETS_PER_SECOND]
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Headers older than Linux 6.2 lack it.
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
  kBatch = 16,
  kSegments = 16,
  kIp = 14,
  kUdp = kIp + 20,
  kPayload = kUdp + 8,
  kSegmentBytes = 60 - kPayload,
  kUdpBytes = 8 + kSegments * kSegmentBytes,
};

// What a packet socket with PACKET_VNET_HDR takes.
struct Message {
  struct virtio_net_hdr offload;
  uint8_t frame[kUdp + kUdpBytes];
} __attribute__((packed));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void put16(uint8_t* at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

// The Internet checksum's sum, not yet complemented.
static uint32_t sumOf(const uint8_t* bytes, int count, uint32_t sum) {
  for (int i = 0; i < count; i += 2) sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

static void writeMessage(struct Message* message, uint32_t flow) {
  memset(message, 0, sizeof *message);
  message->offload = (struct virtio_net_hdr){
      .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
      .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
      .hdr_len = kPayload,
      .gso_size = kSegmentBytes,
      .csum_start = kUdp,
      .csum_offset = 6,
  };
  uint8_t* frame = message->frame;
  // To another station, so that the receiver's own network stack has no work with it.
  frame[0] = 2;
  frame[5] = 0x99;
  frame[6] = 2;
  frame[12] = 0x08;
  uint8_t* ip = frame + kIp;
  ip[0] = 0x45;
  put16(ip + 2, 20 + kUdpBytes);
  ip[8] = 64;
  ip[9] = IPPROTO_UDP;
  const uint32_t source = htonl(0xc6336401u + (flow >> 14));
  const uint32_t destination = htonl(0xc633640au);
  memcpy(ip + 12, &source, 4);
  memcpy(ip + 16, &destination, 4);
  put16(ip + 10, ~sumOf(ip, 20, 0));
  uint8_t* udp = frame + kUdp;
  put16(udp, 20000 + (flow & 0x3fff));
  put16(udp + 2, 9);
  put16(udp + 4, kUdpBytes);
  // The kernel goes on from the sum of the pseudo header.
  put16(udp + 6, sumOf(ip + 12, 8, IPPROTO_UDP + kUdpBytes));
}

// Whether the kernel now cuts and sums before the interface, so that the other side gets what a wire would carry.
static int stopOffload(int fd, const char* interface) {
  struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
  struct ifreq request = {.ifr_data = (char*)&off};
  strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return fprintf(stderr, "packet-sender INTERFACE SECONDS FLOWS [PACKETS_PER_SECOND]\n"), 2;
  const double seconds = atof(argv[2]);
  const uint32_t flows = (uint32_t)atoi(argv[3]);
  const double rate = argc > 4 ? atof(argv[4]) : 0;
  // Protocol 0: this socket takes no packets in.
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return perror("socket"), 1;
  if (!stopOffload(fd, argv[1])) return perror("ETHTOOL_STXCSUM"), 1;
  const int one = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) return perror("PACKET_VNET_HDR"), 1;
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) return perror("bind"), 1;

  struct Message* prepared = malloc(flows * sizeof *prepared);
  if (prepared == NULL) return perror("malloc"), 1;
  for (uint32_t flow = 0; flow < flows; flow++) writeMessage(&prepared[flow], flow);
  struct iovec parts[kBatch];
  struct mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < kBatch; i++) {
    parts[i].iov_len = sizeof *prepared;
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0;
  uint64_t refused = 0;
  uint32_t flow = 0;
  const double began = now();
  for (double at = began; at - began < seconds; at = now()) {
    if (rate > 0 && (double)sent > (at - began) * rate) {
      usleep(100);
      continue;
    }
    for (int i = 0; i < kBatch; i++) {
      parts[i].iov_base = &prepared[flow];
      flow = flow + 1 == flows ? 0 : flow + 1;
    }
    const int took = sendmmsg(fd, messages, kBatch, 0);
    if (took < 0) refused++;
    else sent += (uint64_t)took * kSegments;
  }
  printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent, (unsigned long long)refused, now() - began);
  free(prepared);
  return 0;
}
