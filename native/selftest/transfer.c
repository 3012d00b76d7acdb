// Ways of bytes into and out of a socket.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "traffic.h"

static void send_plain(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, bytes, size, 0);
    if (sent <= 0) fail("send");
    bytes += sent;
    size -= sent;
  }
}

static size_t receive_plain(int fd, char *bytes, size_t size) {
  const ssize_t got = recv(fd, bytes, size, 0);
  return got > 0 ? got : 0;
}

// A file for each call: the kernel sends its pages later, as they are then.
static void send_file(int fd, const char *bytes, size_t size) {
  const int file = memfd_create("bytes", MFD_CLOEXEC);
  if (file < 0 || pwrite(file, bytes, size, 0) != (ssize_t)size) fail("memfd");
  for (off_t at = 0; at < (off_t)size;) {
    if (sendfile(fd, file, &at, size - at) <= 0) fail("sendfile");
  }
  close(file);
}

static const int *a_pipe(void) {
  static int ends[2] = {-1, -1};
  if (ends[0] < 0 && pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  return ends;
}

static void send_by_splice(int fd, const char *bytes, size_t size) {
  const int *ends = a_pipe();
  while (size > 0) {
    const ssize_t in = write(ends[1], bytes, size < CHUNK ? size : CHUNK);
    if (in <= 0) fail("write");
    for (ssize_t out = 0; out < in;) {
      const ssize_t sent = splice(ends[0], NULL, fd, NULL, in - out, 0);
      if (sent <= 0) fail("splice");
      out += sent;
    }
    bytes += in;
    size -= in;
  }
}

static size_t receive_by_splice(int fd, char *bytes, size_t size) {
  const int *ends = a_pipe();
  const ssize_t in = splice(fd, NULL, ends[1], NULL, size < CHUNK ? size : CHUNK, 0);
  if (in <= 0) return 0;
  if (read(ends[0], bytes, in) != in) fail("read");
  return in;
}

const struct transfer plain = {send_plain, receive_plain};
const struct transfer by_sendfile = {send_file, receive_plain};
const struct transfer by_splice = {send_by_splice, receive_by_splice};

const struct transfer *chosen_transfer(void) {
  if (is_how("sendfile")) return &by_sendfile;
  if (is_how("splice")) return &by_splice;
  if (is_how("ring")) return &by_ring;
  return &plain;
}
