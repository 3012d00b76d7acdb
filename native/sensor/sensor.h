// The user side of the host sensor: loads the kernel programs, attaches them, empties the ring. Knows nothing of Node.js; binding.c is
// the bridge. Nothing is pinned: when the process ends, however it ends, the kernel takes everything away.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sensor;

struct sensor_options {
  uint32_t netns;       // inode of the only namespace to report; 0: all
  uint32_t ring_bytes;  // a power of two
};

// code is one of src/core/errors.ts; NULL: no error.
struct sensor_error {
  const char *code;
  char message[512];
};

// At the head of what a read gives; the records follow, each padded to 8 bytes.
struct sensor_batch {
  int64_t wall_offset_ns;     // CLOCK_REALTIME minus CLOCK_BOOTTIME
  int64_t drained_ns;         // CLOCK_BOOTTIME before the ring was read: what happened earlier by a little has been read
  uint64_t lost_sockets;      // records that found the ring full, since the start
  uint64_t lost_processes;
  uint32_t bytes;             // of this head and the records
  uint32_t more;              // 1: the ring holds more than there was room for
};

// NULL with an error.
struct sensor *sensor_open(const struct sensor_options *options, struct sensor_error *error);

// Writes a batch into `buffer`, which is aligned to 8 bytes and has room for the head and one record at least.
void sensor_read(struct sensor *sensor, void *buffer, size_t size);

// Takes the programs out of the kernel; what is in the ring can still be read.
void sensor_detach(struct sensor *sensor);

void sensor_close(struct sensor *sensor);
