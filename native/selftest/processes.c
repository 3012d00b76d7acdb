#include <stdlib.h>
#include <sys/wait.h>

#include "traffic.h"

// `processes` of them one after the other, or with `gap` milliseconds from one to the next without waiting for it. None: this process itself.
void in_processes(void (*client)(const struct sockaddr_storage *server)) {
  const struct sockaddr_storage server = address_of(option("address", ""), number("port", 0));
  const long processes = number("processes", 0), gap = number("gap", -1);
  if (processes == 0) client(&server);
  for (long i = 0; i < processes; i++) {
    if (fork_child() == 0) {
      client(&server);
      exit(0);
    }
    int status = 0;
    if (gap < 0) wait(&status);
    if (status != 0) exit(1);
    pause_ms(gap);
  }
  for (int status = 0; wait(&status) > 0;) {
    if (status != 0) exit(1);
  }
}
