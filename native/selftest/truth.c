#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

enum { CANNOT = 77 };

void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

void cannot(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(CANNOT);
}

long long now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

void pause_ms(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  if (ms > 0) nanosleep(&time, NULL);
}

int own_pid(void) {
  char text[32] = "";
  if (readlink("/proc/self", text, sizeof(text) - 1) < 0) return getpid();
  return (int)strtol(text, NULL, 10);
}

static void endpoint(const struct sockaddr_storage *address, char *text, int *port) {
  if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *ipv6 = (const void *)address;
    inet_ntop(AF_INET6, &ipv6->sin6_addr, text, INET6_ADDRSTRLEN);
    *port = ntohs(ipv6->sin6_port);
  } else {
    const struct sockaddr_in *ipv4 = (const void *)address;
    inet_ntop(AF_INET, &ipv4->sin_addr, text, INET6_ADDRSTRLEN);
    *port = ntohs(ipv4->sin_port);
  }
}

// One write of less than a pipe's page is one whole line, whoever else writes.
static void write_line(const char *line, int length) {
  if (write(STDOUT_FILENO, line, length) != length) exit(1);
}

void tell(const struct end *end) {
  char addresses[2][INET6_ADDRSTRLEN] = {"", ""};
  int ports[2] = {0, 0};
  endpoint(&end->local, addresses[0], &ports[0]);
  endpoint(&end->remote, addresses[1], &ports[1]);
  char owner[64] = "";
  if (end->pid != 0) snprintf(owner, sizeof(owner), "\"pid\":%d,\"uid\":%d,", end->pid, getuid());
  char line[1024];
  const int length =
      snprintf(line, sizeof(line),
               "{\"kind\":\"%s\",\"role\":\"%s\",\"proto\":%d,%s\"local\":\"%s\",\"localPort\":%d,\"remote\":\"%s\","
               "\"remotePort\":%d,\"from\":%lld,\"to\":%lld,\"sent\":%lld,\"received\":%lld}\n",
               option("kind", ""), end->role, end->proto, owner, addresses[0], ports[0], addresses[1], ports[1], end->from, end->to,
               end->sent, end->received);
  write_line(line, length);
}

void ready(void) { write_line("ready\n", 6); }

int fork_child(void) {
  const int parent = getpid();
  const int pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent && getppid() != 0) exit(1);
  }
  return pid;
}

void become_user(void) {
  const long uid = number("user", 0);
  if (uid == 0) return;
  if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) fail("user");
  // A change of user forgets it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}
