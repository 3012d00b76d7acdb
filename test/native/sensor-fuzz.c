// Feeds records of every length, and lines of every form, to the user side of native/sensor in place of the kernel. It is one unit with the
// sensor, whose functions are static. Built with the sanitizers and run by scripts/sanitize.mjs.
#include "../../native/sensor/sensor.c"
#include "../../native/sensor/kernel-files.c"

// The kernel programs are not needed here.
const unsigned char sensor_object[1];
const unsigned char sensor_object_end[1];

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % below;
}

static void expect(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "sensor-fuzz: %s\n", what);
  abort();
}

// Records that wait in the ring.
static int waiting;

int __wrap_ring_buffer__consume(struct ring_buffer *ring) {
  struct sensor *sensor = (struct sensor *)ring;
  int taken = 0;
  while (waiting > 0) {
    waiting--;
    const size_t size = draw(4) != 0 ? draw(256) : draw(RECORD_MAX_BYTES + 1);
    uint8_t *record = malloc(size + 1);
    memset(record, (int)draw(256), size);
    const int result = take_record(sensor, record, size);
    free(record);
    if (result < 0) return result;
    taken++;
  }
  return taken;
}

static void read_batches(void) {
  uint64_t lost[2] = {draw(100), draw(100)};
  struct sensor sensor = {.lost_records = lost};
  sensor.ring = (struct ring_buffer *)&sensor;
  const size_t size = (sizeof(struct sensor_batch) + RECORD_MAX_BYTES + 7 + 8 * draw(4096)) & ~(size_t)7;
  struct sensor_batch *batch = malloc(size);
  waiting = (int)draw(400);
  do {
    const int before = waiting;
    sensor_read(&sensor, batch, size);
    expect(batch->bytes >= sizeof(*batch) && batch->bytes <= size, "a batch is longer than its buffer");
    expect(!batch->more || waiting < before, "nothing was taken although there is room");
    expect(batch->lost_sockets == lost[0] && batch->lost_processes == lost[1], "losses are not told");
  } while (waiting > 0);
  free(batch);
}

static void read_mounts(void) {
  static const char *const parts[] = {" - ", "cgroup2", "tracefs", " ", "/", "\n", "\\040", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "-", "\t"};
  char line[256];
  size_t used = 0;
  while (draw(12) != 0) {
    const char *part = parts[draw(sizeof(parts) / sizeof(parts[0]))];
    const size_t length = strlen(part);
    if (used + length >= sizeof(line)) break;
    memcpy(line + used, part, length);
    used += length;
  }
  char *own = malloc(used + 1);
  memcpy(own, line, used);
  own[used] = '\0';
  const char *place = mounted_root(own, draw(2) == 0 ? "cgroup2" : "tracefs");
  if (place != NULL) expect(strlen(place) <= used, "a place lies beyond its line");
  free(own);
}

int main(int count, char **arguments) {
  const long rounds = count > 1 ? atol(arguments[1]) : 20000;
  if (count > 2) state ^= strtoull(arguments[2], NULL, 10) * 0x9e3779b97f4a7c15u;
  for (long i = 0; i < rounds; i++) {
    read_batches();
    for (int j = 0; j < 20; j++) read_mounts();
  }
  return 0;
}
