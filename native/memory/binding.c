// Advice to the kernel about memory that JavaScript allocated. Its only importer is src/core/huge-pages.ts.
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

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

NAPI_MODULE_INIT() {
  napi_value function;
  CHECK(napi_create_function(env, "adviseHuge", NAPI_AUTO_LENGTH, advise_huge, NULL, &function));
  CHECK(napi_set_named_property(env, exports, "adviseHuge", function));
  return exports;
}
