// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The few fields of kernel structures that are read. CO-RE finds them in the running kernel by name, so a full vmlinux.h is not needed
// and order and size here mean nothing.
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  long long counter;
} atomic64_t;

typedef struct {
  unsigned int val;
} kuid_t;

typedef struct {
  unsigned int val;
} kgid_t;

struct ns_common {
  unsigned int inum;
};

struct net {
  struct ns_common ns;
};

typedef struct {
  struct net *net;
} possible_net_t;


struct sock_common {
  __u32 skc_daddr;
  __u32 skc_rcv_saddr;
  __u16 skc_dport;
  unsigned short skc_family;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
  atomic64_t skc_cookie;
  unsigned long skc_flags;
};

struct sock {
  struct sock_common __sk_common;
  __u16 sk_type;
  __u16 sk_protocol;
};

struct inet_sock {
  struct sock sk;
  __u16 inet_sport;
};

struct net_device {
  unsigned short type;
};

struct sk_buff {
  struct sock *sk;
  struct net_device *dev;
  unsigned int len;
  unsigned int data_len;
  __u16 network_header;
  unsigned int end;
  unsigned char *head;
  unsigned char *data;
};

// A piece of a frame that lies in pages of its own; since Linux 6.9, a bio_vec before.
struct skb_frag {
  unsigned int offset;
};

struct bio_vec {
  unsigned int bv_offset;
};

struct skb_shared_info {
  __u8 nr_frags;
  void *destructor_arg;
  struct skb_frag frags[1];
};

struct tcp_sock {
  __u64 bytes_received;
  __u64 bytes_sent;
  __u64 bytes_retrans;
};

struct socket {
  struct sock *sk;
};

struct qstr {
  const unsigned char *name;
};

struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
};

struct vfsmount {
  struct dentry *mnt_root;
};

struct mount {
  struct mount *mnt_parent;
  struct dentry *mnt_mountpoint;
  struct vfsmount mnt;
};

struct path {
  struct vfsmount *mnt;
  struct dentry *dentry;
};

struct inode {
  unsigned short i_mode;
  unsigned long i_ino;
};

typedef struct {
  atomic64_t refcnt;
} file_ref_t;

struct file {
  struct path f_path;
  struct inode *f_inode;
  void *private_data;
  atomic64_t f_count;  // up to Linux 6.12
  file_ref_t f_ref;    // from 6.13 on, one less
};

struct fdtable {
  unsigned int max_fds;
  struct file **fd;
};

struct files_struct {
  atomic_t count;
  struct fdtable *fdt;
};

struct fs_struct {
  struct path root;
  struct path pwd;
};

struct nsproxy {
  struct net *net_ns;
};

struct cred {
  kuid_t uid;
  kgid_t gid;
  kuid_t euid;
  kgid_t egid;
};

struct signal_struct {
  atomic_t live;
};

struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
  struct file *exe_file;
};

struct kernfs_node {
  const char *name;
  struct kernfs_node *parent;    // up to Linux 6.14
  struct kernfs_node *__parent;  // from 6.15 on
};

struct cgroup {
  struct kernfs_node *kn;
};

struct css_set {
  struct cgroup *dfl_cgrp;
};

struct task_struct {
  unsigned int flags;
  int tgid;
  int exit_code;
  kuid_t loginuid;
  struct task_struct *real_parent;
  const struct cred *cred;
  struct signal_struct *signal;
  struct mm_struct *mm;
  struct fs_struct *fs;
  struct files_struct *files;
  struct nsproxy *nsproxy;
  struct css_set *cgroups;
};

struct trace_event_raw_sys_exit {
  long ret;
};

struct trace_event_raw_io_uring_complete {
  int res;
};

struct bpf_iter__task_file {
  struct task_struct *task;
  __u32 fd;
  struct file *file;
};

struct linux_binprm;

#pragma clang attribute pop
