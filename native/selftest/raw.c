// Packets that no TCP or UDP socket sends: ping, a protocol of IP that has no name, and whole frames.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "traffic.h"

enum { PAYLOAD = 64, ANSWER_MS = 2000 };

static uint16_t checksum(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2) sum += at[i] << 8 | at[i + 1];
  if (size % 2 == 1) sum += at[size - 1] << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum & 0xffff);
}

static int raw_socket(int proto) {
  const int fd = socket(AF_INET, SOCK_RAW, proto);
  if (fd < 0) cannot("a raw socket");
  return fd;
}

// Echo requests; the kernel of the other host answers, so that no process owns that end. Ports are type and code, as in Zeek.
void echo_client(void) {
  struct sockaddr_storage server = address_of(option("address", ""), 0);
  struct end end = {.role = "orig", .proto = IPPROTO_ICMP, .pid = own_pid(), .from = now_us(), .remote = server};
  const int fd = raw_socket(IPPROTO_ICMP);
  if (connect(fd, (const void *)&server, size_of(&server)) != 0) fail("connect");
  for (int i = 0; i < number("datagrams", 1); i++) {
    char packet[sizeof(struct icmphdr) + PAYLOAD] = {0};
    struct icmphdr *head = (void *)packet;
    head->type = ICMP_ECHO;
    head->un.echo.id = htons(getpid() & 0xffff);
    head->un.echo.sequence = htons(i);
    head->checksum = checksum(packet, sizeof(packet));
    if (send(fd, packet, sizeof(packet), 0) != (ssize_t)sizeof(packet)) fail("send");
    end.sent += PAYLOAD;
    char answer[512];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (poll(&readable, 1, ANSWER_MS) > 0 && recv(fd, answer, sizeof(answer), 0) > 0) end.received += PAYLOAD;
    pause_ms(number("pause", 0));
  }
  end.local = local_of(fd);
  end.to = now_us();
  set_port(&end.local, ICMP_ECHO);
  tell(&end);
  const struct end other = {
      .role = "resp", .proto = IPPROTO_ICMP, .from = end.from, .to = end.to, .local = end.remote, .remote = end.local, .sent = end.received};
  tell(&other);
}

void raw_client(void) {
  struct sockaddr_storage server = address_of(option("address", ""), 0);
  struct end end = {.role = "orig", .proto = PROTO_EXPERIMENT, .pid = own_pid(), .from = now_us(), .remote = server};
  const int fd = raw_socket(PROTO_EXPERIMENT);
  if (connect(fd, (const void *)&server, size_of(&server)) != 0) fail("connect");
  char packet[PAYLOAD] = {0};
  for (int i = 0; i < number("datagrams", 1); i++) {
    if (send(fd, packet, sizeof(packet), 0) != (ssize_t)sizeof(packet)) fail("send");
    end.sent += sizeof(packet);
    pause_ms(number("pause", 0));
  }
  end.local = local_of(fd);
  set_port(&end.local, 0);
  set_port(&end.remote, 0);
  end.to = now_us();
  tell(&end);
}

// Of one peer alone.
void raw_server(void) {
  struct end end = {.role = "resp", .proto = PROTO_EXPERIMENT, .pid = own_pid(), .from = now_us()};
  const int fd = raw_socket(PROTO_EXPERIMENT);
  ready();
  struct pollfd wanted[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  while (poll(wanted, 2, -1) > 0 && wanted[0].revents == 0) {
    char packet[2048];
    socklen_t size = sizeof(end.remote);
    const ssize_t got = recvfrom(fd, packet, sizeof(packet), 0, (void *)&end.remote, &size);
    if (got <= (ssize_t)sizeof(struct iphdr)) continue;
    const struct iphdr *head = (const void *)packet;
    struct sockaddr_in *local = (void *)&end.local;
    local->sin_family = AF_INET;
    local->sin_addr.s_addr = head->daddr;
    end.received += got - head->ihl * 4;
    end.to = now_us();
  }
  if (end.received == 0) return;
  set_port(&end.remote, 0);
  tell(&end);
}

static struct sockaddr_ll card(int fd, const char *name, uint8_t *own) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) fail(name);
  memcpy(own, request.ifr_hwaddr.sa_data, ETH_ALEN);
  struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = ETH_ALEN};
  where.sll_ifindex = (int)if_nametoindex(name);
  memset(where.sll_addr, 0xff, ETH_ALEN);
  return where;
}

// UDP datagrams as frames of our own making, from an address of this host and a port that no socket has.
void inject_client(void) {
  const struct sockaddr_storage local = address_of(option("from", ""), number("bind", 0));
  const struct sockaddr_storage server = address_of(option("address", ""), number("port", 0));
  struct end end = {.role = "orig", .proto = IPPROTO_UDP, .pid = own_pid(), .from = now_us(), .local = local, .remote = server};
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) cannot("a packet socket");
  struct {
    struct ether_header link;
    struct iphdr ip;
    struct udphdr udp;
    char payload[PAYLOAD];
  } __attribute__((packed)) frame = {0};
  uint8_t own[ETH_ALEN];
  const struct sockaddr_ll where = card(fd, option("interface", "eth0"), own);
  memcpy(frame.link.ether_shost, own, ETH_ALEN);
  memset(frame.link.ether_dhost, 0xff, ETH_ALEN);
  frame.link.ether_type = htons(ETHERTYPE_IP);
  const size_t size = sizeof(frame) - sizeof(frame.link);
  frame.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .tot_len = htons(size)};
  frame.ip.saddr = ((const struct sockaddr_in *)&local)->sin_addr.s_addr;
  frame.ip.daddr = ((const struct sockaddr_in *)&server)->sin_addr.s_addr;
  frame.ip.check = checksum(&frame.ip, sizeof(frame.ip));
  frame.udp.source = ((const struct sockaddr_in *)&local)->sin_port;
  frame.udp.dest = ((const struct sockaddr_in *)&server)->sin_port;
  frame.udp.len = htons(sizeof(frame.udp) + PAYLOAD);
  for (int i = 0; i < number("datagrams", 1); i++) {
    if (sendto(fd, &frame, sizeof(frame), 0, (const void *)&where, sizeof(where)) != (ssize_t)sizeof(frame)) fail("sendto");
    end.sent += PAYLOAD;
    pause_ms(number("pause", 0));
  }
  end.to = now_us();
  tell(&end);
  close(fd);
}
