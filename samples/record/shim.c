/*
 * Truth for the sample scenarios: loaded into the recorded programs with LD_PRELOAD, it writes one JSON line for every
 * connect, accept, datagram and closed socket that the program itself asks for. The lines are raw; truth.py makes
 * connections of them. A socket is known by its inode, so that copies in children and after dup or exec are still the
 * same socket.
 *
 * The shim keeps no state of sockets. Those that the C library opens for itself (resolver, address sorting) do not pass here.
 * TRUTH_FILE names the output file (writable by every user), TRUTH_HOST the host id.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* Sockets above this descriptor are not looked at when a process ends; none of the recorded programs has so many. */
#define MAX_FD 256
#define MAX_LINE 2048

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* Inode of the socket behind fd; 0 when it is no socket or may not be asked for (sshd's sandbox). */
static unsigned long long socket_inode(int fd) {
  struct stat s;
  if (fstat(fd, &s) != 0 || !S_ISSOCK(s.st_mode)) return 0;
  return s.st_ino;
}

/* Copies of the environment: nginx clears its own. */
static char truth_file[512], truth_host[128];

__attribute__((constructor)) static void on_start_of_process(void) {
  const char *file = getenv("TRUTH_FILE"), *host = getenv("TRUTH_HOST");
  snprintf(truth_file, sizeof truth_file, "%s", file ? file : "");
  snprintf(truth_host, sizeof truth_host, "%s", host ? host : "");
}

/* One write in append mode: lines of several processes never mix. */
static void emit(const char *line, int length) {
  if (!truth_file[0] || length <= 0 || length >= MAX_LINE) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, truth_file, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  (void)!syscall(SYS_write, fd, line, (size_t)length);
  syscall(SYS_close, fd);
}

static int put_address(char *out, size_t size, const char *side, const struct sockaddr *a) {
  char text[INET6_ADDRSTRLEN] = "";
  int port = 0;
  if (a->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)a;
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    port = ntohs(in->sin_port);
  } else if (a->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const void *)a;
    inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
    port = ntohs(in6->sin6_port);
  } else {
    return 0;
  }
  return snprintf(out, size, ",\"%s_address\":\"%s\",\"%s_port\":%d", side, text, side, port);
}

static int is_inet(const struct sockaddr *a) {
  return a && (a->sa_family == AF_INET || a->sa_family == AF_INET6);
}

static int socket_option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) return -1;
  return value;
}

static int put_process(char *out, size_t size) {
  char exe[512];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = 0;
  return snprintf(out, size, ",\"host\":\"%s\",\"pid\":%d,\"uid\":%d,\"exe\":\"%s\"", truth_host, getpid(), getuid(), exe);
}

/* An event of an internet socket. `peer` may be null: then it is asked of the socket. */
static void report(const char *event, int fd, const struct sockaddr *peer, long long start, int error, int fast_open) {
  int saved = errno;
  struct sockaddr_storage local = {0}, remote = {0};
  socklen_t local_length = sizeof local, remote_length = sizeof remote;
  unsigned long long inode = socket_inode(fd);
  if (inode == 0 || getsockname(fd, (struct sockaddr *)&local, &local_length) != 0) goto out;
  if (!is_inet((struct sockaddr *)&local)) goto out;
  if (!is_inet(peer)) {
    if (getpeername(fd, (struct sockaddr *)&remote, &remote_length) != 0) goto out;
    peer = (struct sockaddr *)&remote;
  }
  char line[MAX_LINE];
  int n = snprintf(line, sizeof line, "{\"event\":\"%s\",\"time\":%lld,\"done\":%lld,\"inode\":%llu,\"proto\":\"%s\"", event, start,
                   now_us(), inode, socket_option(fd, SO_TYPE) == SOCK_DGRAM ? "udp" : "tcp");
  n += put_process(line + n, sizeof line - (size_t)n);
  n += put_address(line + n, sizeof line - (size_t)n, "local", (struct sockaddr *)&local);
  n += put_address(line + n, sizeof line - (size_t)n, "remote", peer);
  if (fast_open) n += snprintf(line + n, sizeof line - (size_t)n, ",\"fast_open\":true");
  if (error) n += snprintf(line + n, sizeof line - (size_t)n, ",\"error\":\"%s\"", strerrorname_np(error));
  n += snprintf(line + n, sizeof line - (size_t)n, "}\n");
  emit(line, n);
out:
  errno = saved;
}

static void report_datagram(const char *event, int fd, const struct sockaddr *peer, long long start) {
  int saved = errno;
  if (socket_option(fd, SO_TYPE) == SOCK_DGRAM) report(event, fd, peer, start, 0, 0);
  errno = saved;
}

static void report_end(const char *event, int fd) {
  int saved = errno;
  unsigned long long inode = socket_inode(fd);
  if (inode != 0) {
    char line[MAX_LINE];
    int n = snprintf(line, sizeof line, "{\"event\":\"%s\",\"time\":%lld,\"inode\":%llu,\"pid\":%d}\n", event, now_us(), inode, getpid());
    emit(line, n);
  }
  errno = saved;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  long long start = now_us();
  int result = REAL(connect)(fd, address, length);
  if (is_inet(address)) report("connect", fd, address, start, result == 0 ? 0 : errno, 0);
  return result;
}

int accept(int fd, struct sockaddr *address, socklen_t *length) {
  int result = REAL(accept)(fd, address, length);
  if (result >= 0) report("accept", result, NULL, now_us(), 0, 0);
  return result;
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  int result = REAL(accept4)(fd, address, length, flags);
  if (result >= 0) report("accept", result, NULL, now_us(), 0, 0);
  return result;
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
  long long start = now_us();
  ssize_t result = REAL(send)(fd, data, size, flags);
  if (result >= 0) report_datagram("send", fd, NULL, start);
  return result;
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
  long long start = now_us();
  ssize_t result = REAL(sendto)(fd, data, size, flags, to, length);
  if (flags & MSG_FASTOPEN) report("connect", fd, to, start, result >= 0 ? 0 : errno, 1);
  else if (result >= 0) report_datagram("send", fd, to, start);
  return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  long long start = now_us();
  ssize_t result = REAL(sendmsg)(fd, message, flags);
  if (result >= 0) report_datagram("send", fd, message->msg_name, start);
  return result;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
  long long start = now_us();
  int result = REAL(sendmmsg)(fd, messages, count, flags);
  for (int i = 0; i < result; i++) report_datagram("send", fd, messages[i].msg_hdr.msg_name, start);
  return result;
}

ssize_t recv(int fd, void *data, size_t size, int flags) {
  ssize_t result = REAL(recv)(fd, data, size, flags);
  if (result >= 0) report_datagram("receive", fd, NULL, now_us());
  return result;
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
  ssize_t result = REAL(recvfrom)(fd, data, size, flags, from, length);
  if (result >= 0) report_datagram("receive", fd, from, now_us());
  return result;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  ssize_t result = REAL(recvmsg)(fd, message, flags);
  if (result >= 0) report_datagram("receive", fd, message->msg_namelen ? message->msg_name : NULL, now_us());
  return result;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout) {
  int result = REAL(recvmmsg)(fd, messages, count, flags, timeout);
  for (int i = 0; i < result; i++) report_datagram("receive", fd, messages[i].msg_hdr.msg_name, now_us());
  return result;
}

int close(int fd) {
  report_end("close", fd);
  return REAL(close)(fd);
}

static void report_exit(void) {
  for (int fd = 0; fd < MAX_FD; fd++) report_end("exit", fd);
}

__attribute__((destructor)) static void on_exit_of_process(void) { report_exit(); }

void _exit(int status) {
  report_exit();
  syscall(SYS_exit_group, status);
  __builtin_unreachable();
}
