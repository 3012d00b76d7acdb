// Advice to the kernel and to the allocator about memory. Its only importer is src/core/memory-addon.ts.
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void check(napi_status status, const char *where) {
  if (status != napi_ok) napi_fatal_error(where, NAPI_AUTO_LENGTH, "a Node-API call failed", NAPI_AUTO_LENGTH);
}
#define CHECK(call) check((call), __func__)

// adviseHuge(typedArray) -> 0, or the negative error number of madvise. Only whole pages of it are advised on.
static napi_value advise_huge(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  CHECK(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  void *memory = NULL;
  size_t size = 0;
  napi_typedarray_type type;
  // A length in elements; those of 32 bits come with a type of their own.
  CHECK(napi_get_typedarray_info(env, argument, &type, &size, &memory, NULL, NULL));
  if (type == napi_int32_array) size *= sizeof(int32_t);
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t start = ((uintptr_t)memory + page - 1) & ~(page - 1);
  const uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);
  int status = 0;
  if (end > start && madvise((void *)start, end - start, MADV_HUGEPAGE) != 0) status = -errno;
  napi_value result;
  CHECK(napi_create_int32(env, status, &result));
  return result;
}

// keepFreed(most, ahead) -> whether the allocator took both: how many freed bytes it keeps before it gives any back to the kernel, and how many
// more than it needs it takes at once. Both hold for every thread.
static napi_value keep_freed(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  int32_t most = 0;
  int32_t ahead = 0;
  CHECK(napi_get_value_int32(env, arguments[0], &most));
  CHECK(napi_get_value_int32(env, arguments[1], &ahead));
  bool taken = false;
#ifdef __GLIBC__
  taken = mallopt(M_TRIM_THRESHOLD, most) == 1 && mallopt(M_TOP_PAD, ahead) == 1;
#endif
  napi_value result;
  CHECK(napi_get_boolean(env, taken, &result));
  return result;
}

static void add(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  CHECK(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function));
  CHECK(napi_set_named_property(env, exports, name, function));
}

NAPI_MODULE_INIT() {
  add(env, exports, "adviseHuge", advise_huge);
  add(env, exports, "keepFreed", keep_freed);
  return exports;
}
