// The Node-API side of live capture. All state belongs to one environment, so the addon can be loaded in any number of
// worker threads. Its only importer is src/capture/live-source.ts, which checks arguments; here they are trusted.
//
// Lifetime: stop ends the thread before the callback and the buffers are let go. When the environment is torn down with a
// capture open (process exit, a worker that is terminated), the clean-up hook does it: hooks run in reverse order, so it
// runs before Node.js destroys the thread-safe function, which was made earlier.
#define NAPI_VERSION 8
#include <node_api.h>

#include <new>

#include "capture.h"

namespace correlate {
namespace {

struct Handle {
  Capture capture;
  napi_env env = nullptr;
  napi_threadsafe_function ready = nullptr;
  std::vector<napi_ref> buffers;
  bool hooked = false;
};

void check(napi_status status, const char* where) {
  if (status != napi_ok) napi_fatal_error(where, NAPI_AUTO_LENGTH, "a Node-API call failed", NAPI_AUTO_LENGTH);
}
#define CHECK(call) check((call), __func__)

napi_value throwError(napi_env env, const CaptureError& error) {
  napi_throw_error(env, error.code, error.message.c_str());
  return nullptr;
}

std::string stringOf(napi_env env, napi_value value) {
  size_t length = 0;
  CHECK(napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  CHECK(napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

int intOf(napi_env env, napi_value value) {
  int32_t number = 0;
  CHECK(napi_get_value_int32(env, value, &number));
  return number;
}

napi_value numberOf(napi_env env, double number) {
  napi_value value;
  CHECK(napi_create_double(env, number, &value));
  return value;
}

void setNumber(napi_env env, napi_value object, const char* name, double number) {
  CHECK(napi_set_named_property(env, object, name, numberOf(env, number)));
}

napi_value get(napi_env env, napi_value object, const char* name) {
  napi_value value;
  CHECK(napi_get_named_property(env, object, name, &value));
  return value;
}

void onReady(void* context) {
  auto* handle = static_cast<Handle*>(context);
  // One call per batch, and no more batches than buffers: the queue cannot grow.
  napi_call_threadsafe_function(handle->ready, nullptr, napi_tsfn_nonblocking);
}

void onEnvironmentEnd(void* context) {
  auto* handle = static_cast<Handle*>(context);
  handle->capture.stop();
  handle->ready = nullptr;
  handle->buffers.clear();
  handle->hooked = false;
}

void stopCapture(Handle* handle) {
  handle->capture.stop();
  if (handle->ready != nullptr) CHECK(napi_release_threadsafe_function(handle->ready, napi_tsfn_release));
  handle->ready = nullptr;
  for (napi_ref buffer : handle->buffers) CHECK(napi_delete_reference(handle->env, buffer));
  handle->buffers.clear();
  if (handle->hooked) CHECK(napi_remove_env_cleanup_hook(handle->env, onEnvironmentEnd, handle));
  handle->hooked = false;
}

void finalizeHandle(napi_env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  stopCapture(handle);
  delete handle;
}

// The arguments of a call: the handle first, then up to N - 1 others.
template <size_t N>
struct Call {
  napi_value arguments[N] = {};
  Handle* handle = nullptr;
  Call(napi_env env, napi_callback_info info) {
    size_t count = N;
    CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    void* data = nullptr;
    CHECK(napi_get_value_external(env, arguments[0], &data));
    handle = static_cast<Handle*>(data);
  }
};

std::vector<LentBuffer> lendBuffers(napi_env env, Handle* handle, napi_value list) {
  uint32_t count = 0;
  CHECK(napi_get_array_length(env, list, &count));
  std::vector<LentBuffer> lent;
  for (uint32_t i = 0; i < count; i++) {
    napi_value buffer;
    CHECK(napi_get_element(env, list, i, &buffer));
    void* base = nullptr;
    size_t size = 0;
    // Of an ArrayBuffer or of memory that threads share.
    CHECK(napi_get_typedarray_info(env, buffer, nullptr, &size, &base, nullptr, nullptr));
    napi_ref reference;
    CHECK(napi_create_reference(env, buffer, 1, &reference));
    handle->buffers.push_back(reference);
    lent.push_back({static_cast<uint8_t*>(base), size});
  }
  return lent;
}

// open({interface, filter, snaplen, ringBytes, promiscuous}, [Uint8Array, ...], ready) -> handle
napi_value open(napi_env env, napi_callback_info info) {
  napi_value arguments[3] = {};
  size_t count = 3;
  CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
  CaptureOptions options;
  options.interface = stringOf(env, get(env, arguments[0], "interface"));
  options.filter = stringOf(env, get(env, arguments[0], "filter"));
  options.snapLength = intOf(env, get(env, arguments[0], "snaplen"));
  options.ringBytes = intOf(env, get(env, arguments[0], "ringBytes"));
  CHECK(napi_get_value_bool(env, get(env, arguments[0], "promiscuous"), &options.promiscuous));

  auto* handle = new (std::nothrow) Handle;
  if (handle == nullptr) return throwError(env, {"CAPTURE_OPEN_FAILED", "out of memory"});
  handle->env = env;
  CaptureError error;
  if (!handle->capture.open(options, &error)) {
    delete handle;
    return throwError(env, error);
  }
  napi_value name;
  CHECK(napi_create_string_utf8(env, "correlate capture", NAPI_AUTO_LENGTH, &name));
  CHECK(napi_create_threadsafe_function(env, arguments[2], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr, &handle->ready));
  CHECK(napi_add_env_cleanup_hook(env, onEnvironmentEnd, handle));
  handle->hooked = true;
  if (!handle->capture.start(lendBuffers(env, handle, arguments[1]), onReady, handle, &error)) {
    stopCapture(handle);
    delete handle;
    return throwError(env, error);
  }
  napi_value external;
  CHECK(napi_create_external(env, handle, finalizeHandle, nullptr, &external));
  return external;
}

// take(handle) -> index of a filled buffer, or -1
napi_value take(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  return numberOf(env, call.handle->capture.take());
}

// giveBack(handle, index)
napi_value giveBack(napi_env env, napi_callback_info info) {
  Call<2> call(env, info);
  call.handle->capture.giveBack(intOf(env, call.arguments[1]));
  return nullptr;
}

// ended(handle) -> whether no batch will become ready beyond what take still finds
napi_value ended(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  CaptureError error;
  napi_value value;
  CHECK(napi_get_boolean(env, call.handle->capture.ended(&error), &value));
  return value;
}

// throwFailure(handle): throws what ended the capture, unless it was stopped
napi_value throwFailure(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  CaptureError error;
  if (call.handle->capture.ended(&error) && error.code != nullptr) throwError(env, error);
  return nullptr;
}

// stats(handle) -> CaptureStats
napi_value stats(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const CaptureCounters& counters = call.handle->capture.counters();
  napi_value result;
  CHECK(napi_create_object(env, &result));
  setNumber(env, result, "packets", static_cast<double>(counters.packets));
  setNumber(env, result, "bytes", static_cast<double>(counters.bytes));
  setNumber(env, result, "kernelDrops", counters.kernelDrops);
  setNumber(env, result, "interfaceDrops", counters.interfaceDrops);
  setNumber(env, result, "engineDrops", counters.engineDrops);
  return result;
}

// stop(handle)
napi_value stop(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  stopCapture(call.handle);
  return nullptr;
}

// filterError(filter) -> what is wrong with it, '' when it compiles
napi_value filterErrorOf(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr));
  const std::string error = filterError(stringOf(env, argument));
  napi_value text;
  CHECK(napi_create_string_utf8(env, error.c_str(), error.size(), &text));
  return text;
}

napi_value layout(napi_env env) {
  napi_value result;
  CHECK(napi_create_object(env, &result));
  setNumber(env, result, "maxPackets", kMaxPackets);
  setNumber(env, result, "headerBytes", kHeaderBytes);
  setNumber(env, result, "timeUs", kTimeOffset);
  setNumber(env, result, "capLen", kCapLenOffset);
  setNumber(env, result, "wireLen", kWireLenOffset);
  setNumber(env, result, "offset", kPacketOffsetOffset);
  setNumber(env, result, "link", kLinkOffset);
  setNumber(env, result, "bytes", kBytesOffset);
  setNumber(env, result, "count", offsetof(BatchHeader, count));
  setNumber(env, result, "byteLength", offsetof(BatchHeader, byteLength));
  setNumber(env, result, "kernelDrops", offsetof(BatchHeader, kernelDrops));
  setNumber(env, result, "engineDrops", offsetof(BatchHeader, engineDrops));
  setNumber(env, result, "captureTimeUs", offsetof(BatchHeader, captureTimeUs));
  return result;
}

void setFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  CHECK(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
  CHECK(napi_set_named_property(env, exports, name, function));
}

}  // namespace
}  // namespace correlate

NAPI_MODULE_INIT() {
  using namespace correlate;
  setFunction(env, exports, "open", open);
  setFunction(env, exports, "take", take);
  setFunction(env, exports, "giveBack", giveBack);
  setFunction(env, exports, "ended", ended);
  setFunction(env, exports, "throwFailure", throwFailure);
  setFunction(env, exports, "stats", stats);
  setFunction(env, exports, "stop", stop);
  setFunction(env, exports, "filterError", filterErrorOf);
  const napi_value offsets = layout(env);
  napi_set_named_property(env, exports, "layout", offsets);
  return exports;
}
