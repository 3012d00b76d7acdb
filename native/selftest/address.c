#include <arpa/inet.h>
#include <errno.h>

#include "traffic.h"

struct sockaddr_storage address_of(const char *text, int port) {
  struct sockaddr_storage address = {0};
  struct sockaddr_in *ipv4 = (void *)&address;
  struct sockaddr_in6 *ipv6 = (void *)&address;
  if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
    address.ss_family = AF_INET6;
  } else {
    errno = EINVAL;
    fail(text);
  }
  set_port(&address, port);
  return address;
}

void set_port(struct sockaddr_storage *address, int port) {
  if (address->ss_family == AF_INET6) {
    ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
  } else {
    ((struct sockaddr_in *)address)->sin_port = htons(port);
  }
}

socklen_t size_of(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

struct sockaddr_storage local_of(int fd) {
  struct sockaddr_storage address = {0};
  socklen_t size = sizeof(address);
  if (getsockname(fd, (void *)&address, &size) != 0) fail("getsockname");
  return address;
}

struct sockaddr_storage remote_of(int fd) {
  struct sockaddr_storage address = {0};
  socklen_t size = sizeof(address);
  if (getpeername(fd, (void *)&address, &size) != 0) fail("getpeername");
  return address;
}
