// The two kernel file systems that attaching needs. Where they are not mounted, as after `ip netns exec`, a private mount is made that
// nobody else sees and that is gone with its descriptor.
#pragma once

// A descriptor of the root of the cgroup v2 hierarchy, or -1 with errno.
int open_cgroup_root(void);

// The number of a tracepoint such as "syscalls/sys_exit_accept", or -1 with errno.
int tracepoint_id(const char *name);
