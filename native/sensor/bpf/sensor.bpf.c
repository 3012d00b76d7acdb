// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The kernel side of the host sensor. Only attach points that need neither kprobes nor fentry nor LSM: cgroup v2 hooks, BTF tracepoints,
// exits of three system calls, what io_uring completes, and one iterator. Linux 5.12 or newer (bpf_get_socket_cookie in tracing programs).
//
// Not covered: accept by io_uring into a direct descriptor (its listener is told), MPTCP, descriptors passed over UNIX sockets, whose
// holders /proc shows, and of packet sockets what frame.h says.
#include "existing.h"
#include "frame.h"
#include "process.h"
#include "tcp.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
