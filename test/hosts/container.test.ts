import { describe, expect, it } from 'vitest';
import { containerOf } from '../../src/hosts/container.js';

const id = '4f2d1c0b9a8e7f6d5c4b3a29180706f5e4d3c2b1a09f8e7d6c5b4a3928170605';
const outer = 'a'.repeat(64);

describe('the container of a control group', () => {
  it.each([
    [`/docker/${id}`],
    [`/system.slice/docker-${id}.scope`],
    [`/user.slice/user-1000.slice/user@1000.service/app.slice/docker-${id}.scope/init`],
    [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f.slice/cri-containerd-${id}.scope`],
    [`/kubepods/besteffort/pod8a9d7e52-1d3c-4f0b-a9e3-1c0b5a3f9f10/${id}`],
    [`/system.slice/containerd.service/kubepods-besteffort-pod8a.slice:cri-containerd:${id}`],
    [`/kubepods.slice/kubepods-pod1.slice/crio-${id}.scope/container`],
    [`/machine.slice/libpod-${id}.scope/container`],
    [`/docker/${outer}/kubelet/kubepods/pod1/cri-containerd-${id}.scope`],
    [`.../system.slice/docker-${id}.scope`],
  ])('has the id in %s', (path) => {
    expect(containerOf(path)).toBe(id);
  });

  it.each([
    ['/machine.slice/machine-web.scope/payload/system.slice/nginx.service', 'web'],
    ['/machine.slice/machine-web\\x2d1.scope', 'web-1'],
    ['/machine.slice/systemd-nspawn@db.service/payload', 'db'],
    ['/machine.slice/machine-lxc\\x2d4711\\x2dguest.scope/libvirt', 'lxc-4711-guest'],
    ['/lxc/guest/init.scope', 'guest'],
    ['/lxc.payload.guest/system.slice/ssh.service', 'guest'],
    ['/lxc.payload/guest', 'guest'],
  ])('has the name of a machine in %s', (path, name) => {
    expect(containerOf(path)).toBe(name);
  });

  it.each([
    ['/'],
    [''],
    ['/system.slice/nginx.service'],
    ['/system.slice/docker.service'],
    ['/user.slice/user-1000.slice/session-2.scope'],
    [`/machine.slice/libpod-conmon-${id}.scope`],
    [`/kubepods.slice/crio-conmon-${id}.scope`],
    ['/lxc.monitor.guest'],
    ['/lxc'],
    ['/machine.slice/machine-qemu\\x2d1\\x2dguest.scope/libvirt'],
    [`/system.slice/docker-${id.slice(1)}.scope`],
    [`/docker/${id}0`],
  ])('is none in %s', (path) => {
    expect(containerOf(path)).toBeUndefined();
  });
});
