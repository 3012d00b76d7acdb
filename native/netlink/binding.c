// The Node-API side of the fallback sensor. Its only importer is src/sensor/netlink-addon.ts, which checks arguments; here they are
// trusted. Calls return what netlink.h says; errors are negative numbers.
#define NAPI_VERSION 8
#include <node_api.h>
#include <stddef.h>

#include "netlink.h"

static void check(napi_status status, const char *where) {
  if (status != napi_ok) napi_fatal_error(where, NAPI_AUTO_LENGTH, "a Node-API call failed", NAPI_AUTO_LENGTH);
}
#define CHECK(call) check((call), __func__)

enum { MOST_ARGUMENTS = 5 };

struct arguments {
  int numbers[MOST_ARGUMENTS];
  void *buffer;
  size_t size;
};

// Numbers in order, and the one ArrayBuffer.
static struct arguments arguments_of(napi_env env, napi_callback_info info) {
  struct arguments result = {0};
  napi_value values[MOST_ARGUMENTS];
  size_t count = MOST_ARGUMENTS;
  CHECK(napi_get_cb_info(env, info, &count, values, NULL, NULL));
  for (size_t i = 0; i < count && i < MOST_ARGUMENTS; i++) {
    napi_valuetype type;
    CHECK(napi_typeof(env, values[i], &type));
    if (type == napi_number) CHECK(napi_get_value_int32(env, values[i], &result.numbers[i]));
    else CHECK(napi_get_arraybuffer_info(env, values[i], &result.buffer, &result.size));
  }
  return result;
}

static napi_value number(napi_env env, int value) {
  napi_value result;
  CHECK(napi_create_int32(env, value, &result));
  return result;
}

// openEvents() -> descriptor
static napi_value open_call(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, events_open());
}

// openConntrack() -> descriptor
static napi_value conntrack_call(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, conntrack_open());
}

// readEvents(descriptor, buffer)
static napi_value read_call(napi_env env, napi_callback_info info) {
  const struct arguments given = arguments_of(env, info);
  events_read(given.numbers[0], given.buffer, given.size);
  return NULL;
}

// socketsOf(pid, buffer) -> count
static napi_value sockets_call(napi_env env, napi_callback_info info) {
  const struct arguments given = arguments_of(env, info);
  return number(env, sockets_of(given.numbers[0], given.buffer, (int)(given.size / sizeof(struct held_socket))));
}

// socketDump(pid, family, protocol, states, buffer) -> bytes
static napi_value dump_call(napi_env env, napi_callback_info info) {
  const struct arguments given = arguments_of(env, info);
  return number(env, socket_dump(given.numbers[0], given.numbers[1], given.numbers[2], (uint32_t)given.numbers[3], given.buffer, given.size));
}

struct named_number {
  const char *name;
  size_t number;
};

#define BATCH(field) offsetof(struct event_batch, field)
#define HELD(field) offsetof(struct held_socket, field)

static const struct named_number layout[] = {
    {"wallOffset", BATCH(wall_offset_ns)},
    {"drained", BATCH(drained_ns)},
    {"bytes", BATCH(bytes)},
    {"isLost", BATCH(is_lost)},
    {"hasMore", BATCH(has_more)},
    {"batchBytes", sizeof(struct event_batch)},
    {"inode", HELD(inode)},
    {"fd", HELD(fd)},
    {"family", HELD(family)},
    {"protocol", HELD(protocol)},
    {"localPort", HELD(local_port)},
    {"remotePort", HELD(remote_port)},
    {"state", HELD(state)},
    {"localAddress", HELD(local_address)},
    {"remoteAddress", HELD(remote_address)},
    {"heldBytes", sizeof(struct held_socket)},
};

static void set_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  CHECK(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function));
  CHECK(napi_set_named_property(env, exports, name, function));
}

NAPI_MODULE_INIT() {
  set_function(env, exports, "openEvents", open_call);
  set_function(env, exports, "openConntrack", conntrack_call);
  set_function(env, exports, "readEvents", read_call);
  set_function(env, exports, "socketsOf", sockets_call);
  set_function(env, exports, "socketDump", dump_call);
  napi_value offsets;
  CHECK(napi_create_object(env, &offsets));
  for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
    napi_value value;
    CHECK(napi_create_uint32(env, (uint32_t)layout[i].number, &value));
    CHECK(napi_set_named_property(env, offsets, layout[i].name, value));
  }
  CHECK(napi_set_named_property(env, exports, "layout", offsets));
  return exports;
}
