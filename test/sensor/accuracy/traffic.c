// Short-lived programs that use the network once, and the servers they talk to. Each writes down what it did as it knows it itself, one
// JSON line: its pid, user, path and arguments, and the addresses that getsockname, getpeername or recvfrom told it.
//
//   traffic detach ARGUMENTS...     runs itself with these, as a child of the first process, and waits until that has ended
//   traffic launch TRUTH            runs the commands on stdin, "UID DELAY_US ARGUMENTS..." each, as children, waits for them and says
//                                   how many failed
//   traffic client TRUTH KIND FAMILY ADDRESS PORT LIFE_MS UID     becomes that user first, 0: stays who it is
//   traffic flood TRUTH ADDRESS PORT RATE SECONDS   connects that often, tells nothing, and says how many and with how much processor time
//   traffic serve TRUTH ADDRESS4 ADDRESS6 PORT      TCP and UDP on PORT, DNS on 53, until its input ends; says "ready". Several processes
//                                                   share the sockets, and any of them takes what comes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS = 4 };

static const char *truth_path;
static char command_line[512];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void endpoint(const struct sockaddr_storage *address, char *text, int *port) {
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *ipv4 = (const void *)address;
    inet_ntop(AF_INET, &ipv4->sin_addr, text, INET6_ADDRSTRLEN);
    *port = ntohs(ipv4->sin_port);
  } else {
    const struct sockaddr_in6 *ipv6 = (const void *)address;
    inet_ntop(AF_INET6, &ipv6->sin6_addr, text, INET6_ADDRSTRLEN);
    *port = ntohs(ipv6->sin6_port);
  }
}

// One write to a file opened for appending is one whole line, whoever else writes.
static void tell(const char *kind, const char *role, int pid, const struct sockaddr_storage *local, const struct sockaddr_storage *remote) {
  char addresses[2][INET6_ADDRSTRLEN] = {"", ""};
  int ports[2] = {0, 0};
  endpoint(local, addresses[0], &ports[0]);
  endpoint(remote, addresses[1], &ports[1]);
  char path[256] = "";
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) die("exe");
  char line[1024];
  const int length = snprintf(line, sizeof(line),
                              "{\"kind\":\"%s\",\"role\":\"%s\",\"pid\":%d,\"uid\":%d,\"path\":\"%s\",\"cmdline\":\"%s\",\"local\":\"%s\",\"localPort\":%d,"
                              "\"remote\":\"%s\",\"remotePort\":%d,\"time\":%lld}\n",
                              kind, role, pid, getuid(), path, command_line, addresses[0], ports[0], addresses[1], ports[1], now_us());
  const int file = open(truth_path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0 || write(file, line, length) != length) die(truth_path);
  close(file);
}

static struct sockaddr_storage address_of(const char *text, int port) {
  struct sockaddr_storage address = {0};
  struct sockaddr_in *ipv4 = (void *)&address;
  struct sockaddr_in6 *ipv6 = (void *)&address;
  if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(port);
  } else if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
  } else {
    errno = EINVAL;
    die(text);
  }
  return address;
}

static socklen_t size_of(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static struct sockaddr_storage name_of(int fd) {
  struct sockaddr_storage local;
  socklen_t size = sizeof(local);
  if (getsockname(fd, (void *)&local, &size) != 0) die("getsockname");
  return local;
}

static void wait_readable(int fd, int ms) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  poll(&one, 1, ms);
}

static void client_tcp(const char *kind, const struct sockaddr_storage *server) {
  const int is_lost = strcmp(kind, "timeout") == 0;
  const int fd = socket(server->ss_family, SOCK_STREAM | (is_lost ? SOCK_NONBLOCK : 0), 0);
  const int result = connect(fd, (const void *)server, size_of(server));
  if (result != 0 && errno != (is_lost ? EINPROGRESS : ECONNREFUSED)) die("connect");
  struct sockaddr_storage local = name_of(fd);
  tell(kind, "orig", getpid(), &local, server);
  char answer[16];
  if (result == 0 && (send(fd, "hello", 5, 0) != 5 || recv(fd, answer, sizeof(answer), 0) <= 0)) die("exchange");
}

// A connected socket, or one whose local address is told by a second look once it was used.
static void client_udp(const char *kind, const struct sockaddr_storage *server) {
  const int is_connected = strcmp(kind, "udp-connected") == 0;
  const int fd = socket(server->ss_family, SOCK_DGRAM, 0);
  if (is_connected) {
    if (connect(fd, (const void *)server, size_of(server)) != 0) die("connect");
    if (send(fd, "hello", 5, 0) != 5) die("send");
  } else if (sendto(fd, "hello", 5, 0, (const void *)server, size_of(server)) != 5) {
    die("sendto");
  }
  struct sockaddr_storage local = name_of(fd);
  tell(kind, "orig", getpid(), &local, server);
  wait_readable(fd, 1000);
  char answer[16];
  if (recv(fd, answer, sizeof(answer), 0) <= 0) die("recv");
}

// The name carries the pid, so that the server can tell who asked.
static void client_dns(void) {
  const struct sockaddr_storage nowhere = address_of("0.0.0.0", 0);
  tell("dns", "self", getpid(), &nowhere, &nowhere);
  char name[64];
  snprintf(name, sizeof(name), "p%d.example", getpid());
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(name, "80", &hints, &found) != 0) die("getaddrinfo");
  freeaddrinfo(found);
}

static void become(int uid) {
  if (setgid(uid) != 0 || setuid(uid) != 0) die("setuid");
}

static int client(char **arguments) {
  const char *kind = arguments[0];
  const long long began = now_us();
  if (atoi(arguments[5]) != 0) become(atoi(arguments[5]));
  const struct sockaddr_storage server = address_of(arguments[2], atoi(arguments[3]));
  if (strcmp(kind, "dns") == 0) client_dns();
  else if (strncmp(kind, "udp", 3) == 0) client_udp(kind, &server);
  else client_tcp(kind, &server);
  const long long left = atoi(arguments[4]) * 1000LL - (now_us() - began);
  if (left > 0) usleep(left);
  return 0;
}

static int listen_on(int type, const char *address, int port) {
  const struct sockaddr_storage local = address_of(address, port);
  const int fd = socket(local.ss_family, type | SOCK_NONBLOCK, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (local.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
  if (bind(fd, (const void *)&local, size_of(&local)) != 0) die("bind");
  if (type == SOCK_STREAM && listen(fd, 512) != 0) die("listen");
  return fd;
}

static void serve_tcp(int listener) {
  struct sockaddr_storage remote;
  socklen_t size = sizeof(remote);
  const int fd = accept(listener, (void *)&remote, &size);
  if (fd < 0) return;
  const struct sockaddr_storage local = name_of(fd);
  tell("tcp", "resp", getpid(), &local, &remote);
  char request[16];
  wait_readable(fd, 1000);
  if (recv(fd, request, sizeof(request), 0) > 0 && send(fd, "thanks", 6, MSG_NOSIGNAL) < 0) perror("send");
  close(fd);
}

static void serve_udp(int fd) {
  struct sockaddr_storage remote;
  socklen_t size = sizeof(remote);
  char request[64];
  if (recvfrom(fd, request, sizeof(request), 0, (void *)&remote, &size) < 0) return;
  const struct sockaddr_storage local = name_of(fd);
  tell("udp", "resp", getpid(), &local, &remote);
  sendto(fd, "thanks", 6, 0, (void *)&remote, size);
}

// Answers every question for p<PID>.example with 192.0.2.1, and tells both who asked and who answered.
static void serve_dns(int fd) {
  struct sockaddr_storage remote;
  socklen_t size = sizeof(remote);
  unsigned char message[512];
  const ssize_t length = recvfrom(fd, message, sizeof(message) - 16, 0, (void *)&remote, &size);
  if (length < 18) return;
  const struct sockaddr_storage local = name_of(fd);
  const int asker = atoi((const char *)message + 14);
  tell("dns", "resp", getpid(), &local, &remote);
  tell("dns", "asker", asker, &remote, &local);
  static const unsigned char answer[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
  message[2] |= 0x80;
  message[7] = 1;
  message[11] = 0;
  // Options behind the question are left out.
  size_t end = 12;
  while (end < (size_t)length && message[end] != 0) end += message[end] + 1;
  end += 5;
  memcpy(message + end, answer, sizeof(answer));
  sendto(fd, message, end + sizeof(answer), 0, (void *)&remote, size);
}

static void serve(char **arguments) {
  const int port = atoi(arguments[2]);
  struct pollfd sockets[6] = {
      {.fd = listen_on(SOCK_STREAM, arguments[0], port), .events = POLLIN},
      {.fd = listen_on(SOCK_STREAM, arguments[1], port), .events = POLLIN},
      {.fd = listen_on(SOCK_DGRAM, arguments[0], port), .events = POLLIN},
      {.fd = listen_on(SOCK_DGRAM, arguments[1], port), .events = POLLIN},
      {.fd = listen_on(SOCK_DGRAM, arguments[0], 53), .events = POLLIN},
      {.fd = STDIN_FILENO, .events = POLLIN},
  };
  puts("ready");
  fflush(stdout);
  for (int i = 1; i < SERVERS; i++)
    if (fork() == 0) break;
  for (;;) {
    poll(sockets, 6, -1);
    if (sockets[5].revents != 0) exit(0);
    for (int i = 0; i < 5; i++) {
      if (sockets[i].revents == 0) continue;
      if (i < 2) serve_tcp(sockets[i].fd);
      else if (i < 4) serve_udp(sockets[i].fd);
      else serve_dns(sockets[i].fd);
    }
  }
}

// A connection with an exchange for every beat of the rate; what is late is caught up.
static int flood(char **arguments) {
  const struct sockaddr_storage server = address_of(arguments[0], atoi(arguments[1]));
  const double rate = atof(arguments[2]);
  const long long began = now_us();
  const long long wanted = rate * atoi(arguments[3]);
  for (long long i = 0; i < wanted; i++) {
    const long long early = began + i * 1e6 / rate - now_us();
    if (early > 0) usleep(early);
    const int fd = socket(server.ss_family, SOCK_STREAM, 0);
    char answer[16];
    if (connect(fd, (const void *)&server, size_of(&server)) != 0 || send(fd, "hello", 5, 0) != 5 || recv(fd, answer, sizeof(answer), 0) <= 0)
      die("exchange");
    close(fd);
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  const double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"connections\":%lld,\"seconds\":%.3f,\"cpuSeconds\":%.3f}\n", wanted, (now_us() - began) / 1e6, cpu);
  return 0;
}

static void launch_one(char *line, const char *self) {
  char *words[16];
  int count = 0;
  for (char *word = strtok(line, " \n"); word != NULL && count < 15; word = strtok(NULL, " \n")) words[count++] = word;
  words[count] = NULL;
  usleep(atoi(words[1]));
  const pid_t child = fork();
  if (child != 0) return;
  become(atoi(words[0]));
  execv(self, words + 2);
  die("execv");
}

static int launch(const char *self) {
  char line[512];
  int status = 0;
  int failures = 0;
  while (fgets(line, sizeof(line), stdin) != NULL) {
    launch_one(line, self);
    while (waitpid(-1, &status, WNOHANG) > 0) failures += status != 0;
  }
  while (wait(&status) > 0) failures += status != 0;
  printf("%d failed\n", failures);
  return 0;
}

// Whatever started this has no part in what is watched: the family tree of a test would be on every line.
static int detach(char **arguments) {
  int alive[2];
  if (pipe(alive) != 0) die("pipe");
  const pid_t between = fork();
  if (between == 0) {
    const pid_t me = getpid();
    if (fork() != 0) _exit(0);
    while (getppid() == me) usleep(1000);
    execv("/proc/self/exe", arguments);
    die("execv");
  }
  close(alive[1]);
  char nothing;
  return read(alive[0], &nothing, 1) == 0 ? 0 : 1;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  truth_path = arguments[2];
  for (int i = 0; i < count; i++) {
    if (i > 0) strncat(command_line, " ", sizeof(command_line) - strlen(command_line) - 1);
    strncat(command_line, arguments[i], sizeof(command_line) - strlen(command_line) - 1);
  }
  if (strcmp(arguments[1], "detach") == 0) {
    arguments[1] = arguments[0];
    return detach(arguments + 1);
  }
  if (strcmp(arguments[1], "launch") == 0) return launch("/proc/self/exe");
  if (strcmp(arguments[1], "client") == 0 && count == 9) return client(arguments + 3);
  if (strcmp(arguments[1], "flood") == 0 && count == 7) return flood(arguments + 3);
  if (strcmp(arguments[1], "serve") == 0 && count == 6) serve(arguments + 3);
  return 2;
}
