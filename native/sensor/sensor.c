#include "sensor.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel-files.h"
#include "record.h"

// The kernel programs, put into this file when it is compiled (sensor-object.S).
extern const unsigned char sensor_object[];
extern const unsigned char sensor_object_end[];

enum { MAX_LINKS = 32 };

struct sensor {
  struct bpf_object *object;
  struct bpf_link *links[MAX_LINKS];
  int link_count;
  struct ring_buffer *ring;
  // The global variable of the programs, as memory of ours: read without a system call, so also after root is given up.
  const volatile uint64_t *lost_records;
  // Where the read that is going on writes to.
  uint8_t *out;
  size_t room;
};

// libbpf says what went wrong on a channel of its own; its first words are kept for the error.
static __thread char first_words[256];

static int keep_words(enum libbpf_print_level level, const char *format, va_list arguments) {
  if (level != LIBBPF_WARN || first_words[0] != '\0') return 0;
  vsnprintf(first_words, sizeof(first_words), format, arguments);
  first_words[strcspn(first_words, "\n")] = '\0';
  return 0;
}

static void fail(struct sensor_error *error, int number, const char *what, const char *which) {
  if (error->code != NULL) return;
  error->code = number == EPERM || number == EACCES ? "SENSOR_PERMISSION" : "SENSOR_UNSUPPORTED";
  snprintf(error->message, sizeof(error->message), "%s %s: %s%s%s", what, which, strerror(number), first_words[0] != '\0' ? "; " : "", first_words);
}

static int starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

static int keep_link(struct sensor *sensor, struct bpf_link *link) {
  if (link == NULL) return -1;
  sensor->links[sensor->link_count++] = link;
  return 0;
}

// By the number of the tracepoint: libbpf itself looks for it in fixed places only.
static int attach_tracepoint(struct sensor *sensor, struct bpf_program *program, const char *name) {
  const int id = tracepoint_id(name);
  if (id < 0) return -1;
  struct perf_event_attr attributes = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attributes), .config = (uint64_t)id};
  const int event = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0) return -1;
  struct bpf_link *link = bpf_program__attach_perf_event(program, event);
  if (link == NULL) {
    const int kept = errno;
    close(event);
    errno = kept;
  }
  return keep_link(sensor, link);
}

// Runs the iterator to its end: it fills the map of owners.
static int run_iterator(struct bpf_program *program) {
  struct bpf_link *link = bpf_program__attach_iter(program, NULL);
  if (link == NULL) return -1;
  const int iterator = bpf_iter_create(bpf_link__fd(link));
  if (iterator >= 0) {
    char nothing[64];
    while (read(iterator, nothing, sizeof(nothing)) > 0) continue;
    close(iterator);
  }
  const int kept = errno;
  bpf_link__destroy(link);
  errno = kept;
  return iterator < 0 ? -1 : 0;
}

static int attach(struct sensor *sensor, struct bpf_program *program, int cgroup) {
  const char *section = bpf_program__section_name(program);
  if (starts_with(section, "tracepoint/")) return attach_tracepoint(sensor, program, section + strlen("tracepoint/"));
  if (starts_with(section, "cgroup") || strcmp(section, "sockops") == 0)
    return keep_link(sensor, bpf_program__attach_cgroup(program, cgroup));
  return keep_link(sensor, bpf_program__attach(program));
}

static int attach_all(struct sensor *sensor, struct sensor_error *error) {
  const int cgroup = open_cgroup_root();
  if (cgroup < 0) {
    fail(error, errno, "opening", "the cgroup v2 hierarchy");
    return -1;
  }
  struct bpf_program *program;
  struct bpf_program *iterator = NULL;
  int result = 0;
  bpf_object__for_each_program(program, sensor->object) {
    if (!bpf_program__autoload(program)) continue;
    if (starts_with(bpf_program__section_name(program), "iter/")) {
      iterator = program;
      continue;
    }
    if (attach(sensor, program, cgroup) == 0) continue;
    fail(error, errno, "attaching to", bpf_program__section_name(program));
    result = -1;
    break;
  }
  close(cgroup);
  // Last, so that no socket is made between it and the programs that watch.
  if (result == 0 && iterator != NULL && run_iterator(iterator) != 0) {
    fail(error, errno, "iterating over", "the open sockets");
    result = -1;
  }
  return result;
}

// One tracepoint is newer than what else is needed, one is of a part that kernels are built without. Returns whether there is the first.
static int choose_programs(struct bpf_object *object) {
  struct btf *kernel = btf__load_vmlinux_btf();
  const int has_reads = kernel != NULL && btf__find_by_name_kind(kernel, "btf_trace_sock_recv_length", BTF_KIND_TYPEDEF) > 0;
  const int has_rings = kernel != NULL && btf__find_by_name_kind(kernel, "trace_event_raw_io_uring_complete", BTF_KIND_STRUCT) > 0;
  btf__free(kernel);
  struct bpf_program *program;
  bpf_object__for_each_program(program, object) {
    const char *section = bpf_program__section_name(program);
    if (strcmp(section, "tp_btf/sock_recv_length") == 0) bpf_program__set_autoload(program, has_reads);
    if (strcmp(section, "tracepoint/io_uring/io_uring_complete") == 0) bpf_program__set_autoload(program, has_rings);
  }
  return has_reads;
}

static int set_constants(struct bpf_object *object, const struct sensor_constants *constants) {
  struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
  return map == NULL ? -ENOENT : bpf_map__set_initial_value(map, constants, sizeof(*constants));
}

static int take_record(void *context, void *record, size_t size) {
  struct sensor *sensor = context;
  if (size > sensor->room) return 0;  // cannot be: room for the longest is left
  memcpy(sensor->out, record, size);
  const size_t padded = (size + 7) & ~(size_t)7;
  sensor->out += padded;
  sensor->room -= padded;
  return sensor->room < RECORD_MAX_BYTES ? -ENOBUFS : 0;
}

static int load(struct sensor *sensor, const struct sensor_options *options, struct sensor_error *error) {
  sensor->object = bpf_object__open_mem(sensor_object, (size_t)(sensor_object_end - sensor_object), NULL);
  if (sensor->object == NULL) {
    fail(error, errno, "reading", "the kernel programs");
    return -1;
  }
  const struct sensor_constants constants = {.only_netns = options->netns, .sees_reads = choose_programs(sensor->object)};
  struct bpf_map *ring = bpf_object__find_map_by_name(sensor->object, "ring");
  int status = bpf_map__set_max_entries(ring, options->ring_bytes);
  if (status == 0) status = set_constants(sensor->object, &constants);
  if (status == 0) status = bpf_object__load(sensor->object);
  if (status != 0) {
    fail(error, -status, "loading", "the kernel programs");
    return -1;
  }
  const int variables = bpf_object__find_map_fd_by_name(sensor->object, ".bss");
  void *mapped = mmap(NULL, 2 * sizeof(uint64_t), PROT_READ, MAP_SHARED, variables, 0);
  sensor->lost_records = mapped == MAP_FAILED ? NULL : mapped;
  sensor->ring = ring_buffer__new(bpf_map__fd(ring), take_record, sensor, NULL);
  if (sensor->ring == NULL || sensor->lost_records == NULL) {
    fail(error, errno, "opening", "the ring");
    return -1;
  }
  return 0;
}

struct sensor *sensor_open(const struct sensor_options *options, struct sensor_error *error) {
  libbpf_set_print(keep_words);
  first_words[0] = '\0';
  error->code = NULL;
  struct sensor *sensor = calloc(1, sizeof(*sensor));
  if (sensor == NULL) {
    fail(error, ENOMEM, "opening", "the sensor");
    return NULL;
  }
  // The kernel gives up checking a program when a signal is pending (a profiler sends many).
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int is_open = load(sensor, options, error) == 0 && attach_all(sensor, error) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (is_open) return sensor;
  sensor_close(sensor);
  return NULL;
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// The narrowest of a few readings, since the thread may lose the processor between two clocks.
static int64_t wall_offset_ns(void) {
  int64_t best = 0;
  int64_t narrowest = INT64_MAX;
  for (int i = 0; i < 3; i++) {
    const int64_t before = clock_ns(CLOCK_BOOTTIME);
    const int64_t wall = clock_ns(CLOCK_REALTIME);
    const int64_t width = clock_ns(CLOCK_BOOTTIME) - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best = wall - before - width / 2;
  }
  return best;
}

void sensor_read(struct sensor *sensor, void *buffer, size_t size) {
  struct sensor_batch *batch = buffer;
  memset(batch, 0, sizeof(*batch));
  batch->wall_offset_ns = wall_offset_ns();
  batch->drained_ns = clock_ns(CLOCK_BOOTTIME);
  sensor->out = (uint8_t *)buffer + sizeof(*batch);
  sensor->room = size - sizeof(*batch);
  batch->more = ring_buffer__consume(sensor->ring) == -ENOBUFS;
  batch->bytes = (uint32_t)(sensor->out - (uint8_t *)buffer);
  // After the ring: a loss that is not counted here happened after what was read.
  batch->lost_sockets = sensor->lost_records[0];
  batch->lost_processes = sensor->lost_records[1];
}

void sensor_detach(struct sensor *sensor) {
  for (int i = 0; i < sensor->link_count; i++) bpf_link__destroy(sensor->links[i]);
  sensor->link_count = 0;
}

void sensor_close(struct sensor *sensor) {
  sensor_detach(sensor);
  ring_buffer__free(sensor->ring);
  if (sensor->lost_records != NULL) munmap((void *)(uintptr_t)sensor->lost_records, 2 * sizeof(uint64_t));
  bpf_object__close(sensor->object);
  free(sensor);
}
