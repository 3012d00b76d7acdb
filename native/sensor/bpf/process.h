// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Processes: exec, fork, exit.
#pragma once

#include "common.h"

struct exec_record {
  struct process_record process;
  char names[RECORD_NAMES_BYTES];
  char args[RECORD_ARGS_BYTES];  // they follow the names directly, so most of this stays unused
  // Bytes of names so far. Kept in memory, since the verifier would follow every value of a variable through the loops.
  __u64 used;
};

// Too large for the stack.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct exec_record);
} scratch SEC(".maps");

static __always_inline void set_header(struct process_record *record, enum record_kind kind, struct task_struct *task) {
  record->header.time_ns = bpf_ktime_get_boot_ns();
  record->header.size = sizeof(*record);
  record->header.kind = kind;
  record->header.pid = BPF_CORE_READ(task, tgid);
  record->header.uid = BPF_CORE_READ(task, cred, uid.val);
  record->header.login_uid = login_uid_of(task);
  record->header.netns = netns_of_task(task);
  record->parent = BPF_CORE_READ(task, real_parent, tgid);
  record->euid = BPF_CORE_READ(task, cred, euid.val);
  record->gid = BPF_CORE_READ(task, cred, gid.val);
  record->egid = BPF_CORE_READ(task, cred, egid.val);
}

static __always_inline bool append_name(struct exec_record *record, const unsigned char *name) {
  __u64 used = record->used;
  if (used > RECORD_NAMES_BYTES - RECORD_NAME_BYTES) return false;
  long length = bpf_probe_read_kernel_str(record->names + used, RECORD_NAME_BYTES, name);
  if (length <= 0) return false;
  record->used = used + length;
  return true;
}

// The components of a path up to the root of the process, as d_path in fs/d_path.c goes. False: not all of them.
static __always_inline bool append_path(struct exec_record *record, struct dentry *dentry, struct vfsmount *vfsmount,
                                        struct dentry *root, struct vfsmount *root_mount) {
  struct mount *mount = (struct mount *)((char *)vfsmount - bpf_core_field_offset(struct mount, mnt));
  for (int i = 0; i < RECORD_DEPTH; i++) {
    struct dentry *mount_root = BPF_CORE_READ(mount, mnt.mnt_root);
    if (dentry == root && &mount->mnt == root_mount) return true;
    if (dentry == mount_root) {
      struct mount *above = BPF_CORE_READ(mount, mnt_parent);
      if (above == mount) return true;
      dentry = BPF_CORE_READ(mount, mnt_mountpoint);
      mount = above;
      continue;
    }
    if (!append_name(record, BPF_CORE_READ(dentry, d_name.name))) return false;
    struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
    if (parent == dentry) return true;  // a file without a place in the tree, such as a memfd
    dentry = parent;
  }
  return false;
}

static __always_inline bool append_file(struct exec_record *record, struct task_struct *task, struct file *file) {
  struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
  struct vfsmount *root_mount = BPF_CORE_READ(task, fs, root.mnt);
  return append_path(record, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), root, root_mount);
}

static __always_inline bool append_cwd(struct exec_record *record, struct task_struct *task) {
  struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
  struct vfsmount *root_mount = BPF_CORE_READ(task, fs, root.mnt);
  return append_path(record, BPF_CORE_READ(task, fs, pwd.dentry), BPF_CORE_READ(task, fs, pwd.mnt), root, root_mount);
}

// The names of the control group and those above it; the root has none.
static __always_inline bool append_cgroup(struct exec_record *record, struct task_struct *task) {
  struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
  for (int i = 0; i < RECORD_DEPTH; i++) {
    struct kernfs_node *above =
        bpf_core_field_exists(node->__parent) ? BPF_CORE_READ(node, __parent) : BPF_CORE_READ(node, parent);
    if (!above) return true;
    if (!append_name(record, (const unsigned char *)BPF_CORE_READ(node, name))) return false;
    node = above;
  }
  return false;
}

// Appends the arguments behind the names. Returns their length.
static __always_inline __u64 append_args(struct exec_record *record, struct task_struct *task) {
  unsigned long start = BPF_CORE_READ(task, mm, arg_start);
  unsigned long end = BPF_CORE_READ(task, mm, arg_end);
  __u64 used = record->used;
  if (end <= start || used > RECORD_NAMES_BYTES) return 0;
  __u64 length = end - start;
  if (length > RECORD_ARGS_BYTES) {
    length = RECORD_ARGS_BYTES;
    record->process.header.flags |= RECORD_ARGS_TRUNCATED;
  }
  if (bpf_probe_read_user(record->names + used, length, (void *)start)) return 0;
  return length;
}

SEC("tp_btf/sched_process_exec")
int process_executed(__u64 *arguments) {
  struct task_struct *task = (struct task_struct *)arguments[0];
  if (!is_watched(netns_of_task(task))) return 0;
  __u32 zero = 0;
  struct exec_record *record = bpf_map_lookup_elem(&scratch, &zero);
  if (!record) return 0;
  __builtin_memset(&record->process, 0, sizeof(record->process));
  record->used = 0;
  set_header(&record->process, RECORD_EXEC, task);
  record->process.cgroup_id = bpf_get_current_cgroup_id();
  __u16 flags = 0;
  if (!append_file(record, task, BPF_CORE_READ(task, mm, exe_file))) flags |= RECORD_PATH_TRUNCATED;
  __u64 path_end = record->used;
  if (!append_cwd(record, task)) flags |= RECORD_CWD_TRUNCATED;
  __u64 cwd_end = record->used;
  if (!append_cgroup(record, task)) flags |= RECORD_CGROUP_TRUNCATED;
  record->process.path_bytes = path_end;
  record->process.cwd_bytes = cwd_end - path_end;
  record->process.cgroup_bytes = record->used - cwd_end;
  record->process.header.flags = flags;
  __u64 args = append_args(record, task);
  record->process.args_bytes = args;
  __u64 size = sizeof(record->process) + record->used + args;
  record->process.header.size = size;
  if (size > sizeof(*record)) return 0;
  if (bpf_ringbuf_output(&ring, record, size, QUIETLY)) count_lost(LOST_PROCESSES);
  return 0;
}

static __always_inline int report_process(enum record_kind kind, struct task_struct *task) {
  if (!is_watched(netns_of_task(task))) return 0;
  struct process_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost(LOST_PROCESSES);
    return 0;
  }
  __builtin_memset(record, 0, sizeof(*record));
  set_header(record, kind, task);
  record->exit_code = BPF_CORE_READ(task, exit_code);
  bpf_ringbuf_submit(record, QUIETLY);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int process_forked(__u64 *arguments) {
  struct task_struct *parent = (struct task_struct *)arguments[0];
  struct task_struct *child = (struct task_struct *)arguments[1];
  if (BPF_CORE_READ(parent, tgid) == BPF_CORE_READ(child, tgid) || is_kernel_thread(child)) return 0;  // a thread
  return report_process(RECORD_FORK, child);
}

// A process ends with its last thread, which need not be its first.
SEC("tp_btf/sched_process_exit")
int process_exited(__u64 *arguments) {
  struct task_struct *task = (struct task_struct *)arguments[0];
  if (BPF_CORE_READ(task, signal, live.counter) > 0 || is_kernel_thread(task)) return 0;
  return report_process(RECORD_EXIT, task);
}
