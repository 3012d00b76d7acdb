// Sends UDP packets of 64 bytes on the wire (60 without the checksum of the frame) as fast as one core can: sendmmsg on a packet
// socket that bypasses queueing. Prints how many the kernel took.
//
//   packet-sender INTERFACE SECONDS FLOWS [PACKETS_PER_SECOND]
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 128, kFrameBytes = 60, kIpBytes = kFrameBytes - 14 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint16_t headerChecksum(const uint8_t* header) {
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += (uint32_t)header[i] << 8 | header[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

static void writeFrame(uint8_t* frame, uint32_t flow) {
  memset(frame, 0, kFrameBytes);
  // To another station, so that the receiver's own network stack has no work with it.
  frame[0] = 2;
  frame[5] = 0x99;
  frame[6] = 2;
  frame[12] = 0x08;
  uint8_t* ip = frame + 14;
  ip[0] = 0x45;
  ip[3] = kIpBytes;
  ip[8] = 64;
  ip[9] = 17;
  const uint32_t source = htonl(0xc6336401u + (flow >> 14));
  const uint32_t destination = htonl(0xc633640au);
  memcpy(ip + 12, &source, 4);
  memcpy(ip + 16, &destination, 4);
  const uint16_t checksum = htons(headerChecksum(ip));
  memcpy(ip + 10, &checksum, 2);
  const uint16_t ports[4] = {htons((uint16_t)(20000 + (flow & 0x3fff))), htons(9), htons(kIpBytes - 20), 0};
  memcpy(ip + 20, ports, 8);
}

int main(int argc, char** argv) {
  if (argc < 4) return fprintf(stderr, "packet-sender INTERFACE SECONDS FLOWS [PACKETS_PER_SECOND]\n"), 2;
  const double seconds = atof(argv[2]);
  const uint32_t flows = (uint32_t)atoi(argv[3]);
  const double rate = argc > 4 ? atof(argv[4]) : 0;
  // Protocol 0: this socket takes no packets in.
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return perror("socket"), 1;
  const int one = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) return perror("bind"), 1;

  uint8_t* frames = malloc((size_t)flows * kFrameBytes);
  for (uint32_t flow = 0; flow < flows; flow++) writeFrame(frames + (size_t)flow * kFrameBytes, flow);
  struct iovec parts[kBatch];
  struct mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < kBatch; i++) {
    parts[i].iov_len = kFrameBytes;
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
      parts[i].iov_base = frames + (size_t)flow * kFrameBytes;
      flow = flow + 1 == flows ? 0 : flow + 1;
    }
    const int took = sendmmsg(fd, messages, kBatch, 0);
    if (took < 0) refused++;
    else sent += (uint64_t)took;
  }
  printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent, (unsigned long long)refused, now() - began);
  free(frames);
  return 0;
}
