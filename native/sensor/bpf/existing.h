// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The sockets that are open when the sensor starts. The first process found with a socket counts as its owner.
#pragma once

#include "socket.h"

SEC("iter/task_file")
int socket_found(struct bpf_iter__task_file *entry) {
  struct file *file = entry->file;
  struct task_struct *task = entry->task;
  if (!file || !task) return 0;
  struct socket *socket = bpf_sock_from_file(file);
  if (!socket) return 0;
  struct sock *sk = socket->sk;
  if (!sk) return 0;
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (!is_inet(family) && family != FAMILY_PACKET) return 0;
  __u64 cookie = family == FAMILY_PACKET ? packet_key(sk) : bpf_get_socket_cookie(sk);
  struct owner owner = {
      .pid = BPF_CORE_READ(task, tgid),
      .uid = BPF_CORE_READ(task, cred, uid.val),
      .login_uid = login_uid_of(task),
      .netns = netns_of_socket(sk),
      .inode = BPF_CORE_READ(file, f_inode, i_ino),
      .file = file,
      .fd = entry->fd,
      .flags = OWNER_REPORTED,
  };
  bpf_map_update_elem(&owners, &cookie, &owner, BPF_NOEXIST);
  return 0;
}
