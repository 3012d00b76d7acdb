// The commands that make known traffic, and the network namespaces that it crosses.
//
//   traffic hold                           a network namespace of its own until standard input ends; says "ready PID"
//   traffic alone COMMAND ...              runs the command as root of a user namespace
//   traffic in PID COMMAND ...             runs the command in the network namespace of that process; it ends with its parent
//   traffic client WHAT name=value ...     uses the network once, tells the truth and ends
//   traffic server WHAT name=value ...     serves until standard input ends; says "ready"
//
// Exit code 77: this machine cannot do it, for the reason told on standard error.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traffic.h"

struct command {
  const char *name;
  void (*run)(void);
};

static const struct command clients[] = {
    {"stream", stream_client}, {"continue", stream_continue},   {"refused", refused_client}, {"datagram", datagram_client},
    {"echo", echo_client},     {"multicast", multicast_client}, {"raw", raw_client},         {"inject", inject_client},
};
static const struct command servers[] = {{"stream", stream_server}, {"datagram", datagram_server}, {"raw", raw_server}};

static void wait_for_end_of_input(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

static void hold(void) {
  if (unshare(CLONE_NEWNET) != 0) cannot("a network namespace");
  char line[32];
  const int length = snprintf(line, sizeof(line), "ready %d\n", own_pid());
  if (write(STDOUT_FILENO, line, length) != length) exit(1);
  wait_for_end_of_input();
}

static void write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) cannot(path);
  close(fd);
}

// Our user and group become its root, which is all that an unprivileged user may write there.
static void become_root_of_namespace(void) {
  char users[64], groups[64];
  snprintf(users, sizeof(users), "0 %d 1\n", geteuid());
  snprintf(groups, sizeof(groups), "0 %d 1\n", getegid());
  if (unshare(CLONE_NEWUSER) != 0) cannot("a user namespace");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", users);
  write_file("/proc/self/gid_map", groups);
}

static _Noreturn void become(char **command) {
  signal(SIGPIPE, SIG_DFL);
  execvp(command[0], command);
  fail(command[0]);
}

static void enter(const char *pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) fail(path);
  close(fd);
}

// Namespaces as a container has them; the network's is the one that we are in already.
static void contain(void) {
  if (unshare(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS) != 0) cannot("namespaces of a container");
  const int pid = fork_child();
  if (pid == 0) return;
  int status = 0;
  waitpid(pid, &status, 0);
  exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void run(const struct command *commands, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      commands[i].run();
      return;
    }
  }
  errno = EINVAL;
  fail(name);
}

int main(int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  if (argc >= 2 && strcmp(argv[1], "hold") == 0) {
    hold();
  } else if (argc >= 4 && strcmp(argv[1], "in") == 0) {
    enter(argv[2]);
    become(argv + 3);
  } else if (argc >= 3 && strcmp(argv[1], "alone") == 0) {
    become_root_of_namespace();
    become(argv + 2);
  } else if (argc >= 3 && strcmp(argv[1], "client") == 0) {
    set_options(argv + 3);
    if (is_how("container")) contain();
    run(clients, sizeof(clients) / sizeof(*clients), argv[2]);
  } else if (argc >= 3 && strcmp(argv[1], "server") == 0) {
    set_options(argv + 3);
    run(servers, sizeof(servers) / sizeof(*servers), argv[2]);
  } else {
    errno = EINVAL;
    fail("traffic");
  }
  return 0;
}
