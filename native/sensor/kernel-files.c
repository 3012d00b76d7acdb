#include "kernel-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

// The root of a new mount that is part of no namespace, or -1 with errno.
static int mount_privately(const char *type) {
  const int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int root = -1;
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    const int mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
    if (mount >= 0) {
      root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      const int kept = errno;
      close(mount);
      errno = kept;
    }
  }
  const int kept = errno;
  close(context);
  errno = kept;
  return root;
}

// Where the whole of a file system is mounted, from a line of /proc/self/mountinfo; NULL: the line tells of another one.
static const char *mounted_root(char *line, const char *type) {
  char *rest = strstr(line, " - ");
  if (rest == NULL || strncmp(rest + 3, type, strlen(type)) != 0 || rest[3 + strlen(type)] != ' ') return NULL;
  char *save = NULL;
  strtok_r(line, " ", &save);  // mount id, then parent id and device
  strtok_r(NULL, " ", &save);
  strtok_r(NULL, " ", &save);
  const char *root = strtok_r(NULL, " ", &save);
  const char *place = strtok_r(NULL, " ", &save);
  return root != NULL && strcmp(root, "/") == 0 ? place : NULL;
}

static int open_mounted(const char *type) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (mounts == NULL) return -1;
  char *line = NULL;
  size_t room = 0;
  int root = -1;
  while (root < 0 && getline(&line, &room, mounts) > 0) {
    const char *place = mounted_root(line, type);
    if (place != NULL) root = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  free(line);
  fclose(mounts);
  return root;
}

static int open_file_system(const char *type) {
  const int root = open_mounted(type);
  return root >= 0 ? root : mount_privately(type);
}

int open_cgroup_root(void) { return open_file_system("cgroup2"); }

int tracepoint_id(const char *name) {
  const int root = open_file_system("tracefs");
  if (root < 0) return -1;
  char path[128];
  snprintf(path, sizeof(path), "events/%s/id", name);
  const int file = openat(root, path, O_RDONLY | O_CLOEXEC);
  const int kept = errno;
  close(root);
  errno = kept;
  if (file < 0) return -1;
  char text[16] = "";
  const ssize_t length = read(file, text, sizeof(text) - 1);
  close(file);
  return length > 0 ? atoi(text) : -1;
}
