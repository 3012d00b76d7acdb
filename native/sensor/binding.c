// The Node-API side of the host sensor. Its only importer is src/sensor/sensor-addon.ts, which checks arguments; here they are trusted.
// All state belongs to one handle. When the environment ends with a sensor open, the clean-up hook closes it.
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>

#include "record.h"
#include "sensor.h"

struct handle {
  struct sensor *sensor;
  bool is_hooked;
};

static void check(napi_status status, const char *where) {
  if (status != napi_ok) napi_fatal_error(where, NAPI_AUTO_LENGTH, "a Node-API call failed", NAPI_AUTO_LENGTH);
}
#define CHECK(call) check((call), __func__)

static uint32_t number_of(napi_env env, napi_value value) {
  uint32_t number = 0;
  CHECK(napi_get_value_uint32(env, value, &number));
  return number;
}

static struct handle *handle_of(napi_env env, napi_value value) {
  void *data = NULL;
  CHECK(napi_get_value_external(env, value, &data));
  return data;
}

static void close_sensor(void *data) {
  struct handle *handle = data;
  if (handle->sensor != NULL) sensor_close(handle->sensor);
  handle->sensor = NULL;
}

static void close_handle(napi_env env, struct handle *handle) {
  close_sensor(handle);
  if (handle->is_hooked) CHECK(napi_remove_env_cleanup_hook(env, close_sensor, handle));
  handle->is_hooked = false;
}

static void finalize_handle(napi_env env, void *data, void *hint) {
  (void)hint;
  close_handle(env, data);
  free(data);
}

// open(netns, ringBytes) -> handle
static napi_value open_handle(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  const struct sensor_options options = {.netns = number_of(env, arguments[0]), .ring_bytes = number_of(env, arguments[1])};
  struct sensor_error error;
  struct handle *handle = calloc(1, sizeof(*handle));
  if (handle == NULL) abort();
  handle->sensor = sensor_open(&options, &error);
  if (handle->sensor == NULL) {
    free(handle);
    napi_throw_error(env, error.code, error.message);
    return NULL;
  }
  CHECK(napi_add_env_cleanup_hook(env, close_sensor, handle));
  handle->is_hooked = true;
  napi_value external;
  CHECK(napi_create_external(env, handle, finalize_handle, NULL, &external));
  return external;
}

// read(handle, buffer): writes a batch; nothing when the handle is closed
static napi_value read_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  const struct handle *handle = handle_of(env, arguments[0]);
  void *buffer = NULL;
  size_t size = 0;
  CHECK(napi_get_arraybuffer_info(env, arguments[1], &buffer, &size));
  if (handle->sensor != NULL) sensor_read(handle->sensor, buffer, size);
  return NULL;
}

// detach(handle)
static napi_value detach(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  const struct handle *handle = handle_of(env, argument);
  if (handle->sensor != NULL) sensor_detach(handle->sensor);
  return NULL;
}

// close(handle)
static napi_value close_call(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  close_handle(env, handle_of(env, argument));
  return NULL;
}

struct named_number {
  const char *name;
  size_t number;
};

#define SOCKET(field) offsetof(struct socket_record, field)
#define PROCESS(field) offsetof(struct process_record, field)
#define BATCH(field) offsetof(struct sensor_batch, field)

static const struct named_number layout[] = {
    {"batchBytes", sizeof(struct sensor_batch)},
    {"wallOffset", BATCH(wall_offset_ns)},
    {"drained", BATCH(drained_ns)},
    {"lostSockets", BATCH(lost_sockets)},
    {"lostProcesses", BATCH(lost_processes)},
    {"bytes", BATCH(bytes)},
    {"more", BATCH(more)},
    {"time", SOCKET(header.time_ns)},
    {"size", SOCKET(header.size)},
    {"kind", SOCKET(header.kind)},
    {"flags", SOCKET(header.flags)},
    {"pid", SOCKET(header.pid)},
    {"uid", SOCKET(header.uid)},
    {"loginUid", SOCKET(header.login_uid)},
    {"netns", SOCKET(header.netns)},
    {"headerBytes", sizeof(struct record_header)},
    {"inode", SOCKET(inode)},
    {"sent", SOCKET(sent)},
    {"received", SOCKET(received)},
    {"since", SOCKET(since_ns)},
    {"fd", SOCKET(fd)},
    {"family", SOCKET(family)},
    {"type", SOCKET(type)},
    {"protocol", SOCKET(protocol)},
    {"localPort", SOCKET(local_port)},
    {"remotePort", SOCKET(remote_port)},
    {"icmpType", SOCKET(icmp_type)},
    {"icmpCode", SOCKET(icmp_code)},
    {"localAddress", SOCKET(local_address)},
    {"remoteAddress", SOCKET(remote_address)},
    {"socketBytes", sizeof(struct socket_record)},
    {"cgroupId", PROCESS(cgroup_id)},
    {"parent", PROCESS(parent)},
    {"euid", PROCESS(euid)},
    {"gid", PROCESS(gid)},
    {"egid", PROCESS(egid)},
    {"exitCode", PROCESS(exit_code)},
    {"pathBytes", PROCESS(path_bytes)},
    {"cwdBytes", PROCESS(cwd_bytes)},
    {"cgroupBytes", PROCESS(cgroup_bytes)},
    {"argsBytes", PROCESS(args_bytes)},
    {"processBytes", sizeof(struct process_record)},
    {"maxRecordBytes", RECORD_MAX_BYTES},
};

static void set_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  CHECK(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function));
  CHECK(napi_set_named_property(env, exports, name, function));
}

NAPI_MODULE_INIT() {
  set_function(env, exports, "open", open_handle);
  set_function(env, exports, "read", read_batch);
  set_function(env, exports, "detach", detach);
  set_function(env, exports, "close", close_call);
  napi_value offsets;
  CHECK(napi_create_object(env, &offsets));
  for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
    napi_value number;
    CHECK(napi_create_uint32(env, (uint32_t)layout[i].number, &number));
    CHECK(napi_set_named_property(env, offsets, layout[i].name, number));
  }
  CHECK(napi_set_named_property(env, exports, "layout", offsets));
  return exports;
}
